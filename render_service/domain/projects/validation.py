"""The rules for a project and its output options; the contract's comments name the same limits."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from render_service.domain.cards.rules import CardCheck
from render_service.domain.errors import FieldFault
from render_service.domain.layers.validation import LayerCheck
from render_service.domain.projects.delivery.ai_label import label_faults
from render_service.domain.projects.delivery.streaming import streaming_faults
from render_service.domain.projects.looks.references import brand_faults
from render_service.domain.projects.looks.rules import (
    caption_faults,
    clip_faults,
    motion_faults,
    sound_faults,
    transition_faults,
)
from render_service.domain.projects.looks.sounds import MAX_SOUNDS, SoundClip
from render_service.domain.projects.narrations import length_fault, speech_faults
from render_service.domain.projects.output import FRAME_RATES, MAX_SIDE, MIN_SIDE, OutputOptions, codec_fault
from render_service.domain.projects.project import Card, Music, Project, Shot, Speech, Translation, WordTiming
from render_service.domain.projects.sequence import DEFAULT_CARD
from render_service.domain.projects.shot_source import declared_source, is_clip
from render_service.domain.projects.template import known_pieces
from render_service.domain.projects.timeline import DEFAULT_SHOT, SHORTEST_SHARE
from render_service.domain.projects.word_times import recognition_faults
from render_service.domain.speech.lexicon import LexiconEntry, entry_fault
from render_service.domain.speech.requests import MAX_SPEED, MIN_SPEED, named_fault
from render_service.domain.speech.voices import primary
from render_service.domain.visible_text import is_visible

MAX_SHOTS = 200
MAX_WORDS = 1_000
MAX_TITLE = 200
MAX_SUBTITLE = 400
MAX_SCRIPT = 50_000
MAX_NARRATION = 4_000
MAX_CAPTION = 1_000
MAX_WORD = 100
MAX_LANGUAGE = 35
MAX_TRANSLATIONS = 20
MAX_VOICE = 64
MAX_AUDIO_LANGUAGES = 8
MAX_MODEL = 100
MAX_INSTRUCTIONS = 1_000
MAX_LEXICON = 500
MAX_READING = 200

LONGEST_SHOT = timedelta(seconds=600)
LONGEST_TARGET = timedelta(hours=1)
LONGEST_TRANSITION = timedelta(seconds=5)
LONGEST_FADE = timedelta(seconds=10)
LONGEST_GAP = timedelta(seconds=5)
LONGEST_TAIL = timedelta(seconds=10)
LONGEST_VIDEO = timedelta(hours=3)

_ZERO = timedelta(0)
_SHOT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# RFC 5646, section 2.1, without the grandfathered irregular tags.
_LANGUAGE_TAG = re.compile(
    r"""(?:
        (?: [a-z]{2,3} (?:-[a-z]{3}){0,3} | [a-z]{4,8} )    # language, extended language
        (?: -[a-z]{4} )?                                    # script
        (?: - (?: [a-z]{2} | [0-9]{3} ) )?                  # region
        (?: - (?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*     # variants
        (?: -[0-9a-wyz] (?: -[a-z0-9]{2,8} )+ )*            # extensions
        (?: -x (?: -[a-z0-9]{1,8} )+ )?                     # private use
        | x (?: -[a-z0-9]{1,8} )+
    )""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

UriFault = Callable[[str], str | None]
"""Returns what is wrong with a non-empty URI, in words that complete "… <field>: ", or None."""
OpenUriFault = Callable[[Sequence[str]], str | None]
"""The same for a URI with variables, given as the pieces between them: returns what is wrong for any values."""


def check_project(
    project: Project,
    path: str,
    uri_fault: UriFault,
    *,
    for_render: bool,
    open_uri_fault: OpenUriFault | None = None,
    any_voice: bool = False,
) -> list[FieldFault]:
    """Find everything that is wrong with a project.

    Args:
        project: Any project; its times and numbers may have any value.
        path: Path of the project in the request, such as `project`.
        uri_fault: The rule for URIs.
        for_render: Whether it is rendered now: it then needs a shot, and must not be too long.
        open_uri_fault: The rule for URIs with variables, given where the project is a template. Then only faults
            that no value can correct are reported.
        any_voice: Whether a voice may be one of another provider than `local`; StartRender decides which it must be.

    Returns:
        The faults, each saying what is allowed, in the order of the contract's fields; empty for a sound project.
    """
    check = _Check(uri_fault, open_uri_fault, any_voice=any_voice, for_render=for_render)
    check.project(project, path)
    check.faults += brand_faults(project, path, is_template=open_uri_fault is not None)
    if for_render:
        check.renderable(project, f"{path}.storyboard")
    return check.faults


def is_language_tag(tag: str) -> bool:
    """Return whether a text is a BCP 47 tag of at most `MAX_LANGUAGE` characters."""
    return len(tag) <= MAX_LANGUAGE and _LANGUAGE_TAG.fullmatch(tag) is not None


def check_output(options: OutputOptions, path: str) -> list[FieldFault]:
    """Find everything that is wrong with output options; `path` is their path in the request."""
    check = _Check(lambda uri: None)
    check.output(options, path)
    return check.faults


def check_speech(speech: Speech, path: str) -> list[FieldFault]:
    """Find what is wrong with speech whatever its provider is; `path` is its path in the request."""
    check = _Check(lambda uri: None, any_voice=True)
    check.speech(speech, path)
    return check.faults


class _Check:
    def __init__(
        self,
        uri_fault: UriFault,
        open_uri_fault: OpenUriFault | None = None,
        *,
        any_voice: bool = False,
        for_render: bool = False,
    ) -> None:
        self.faults: list[FieldFault] = []
        self._any_voice = any_voice
        self._for_render = for_render
        self._uri_fault = uri_fault
        self._open_uri_fault = open_uri_fault
        self._layer_check = LayerCheck(self._fault, partial(self._uri, required=True), self._pieces)
        self._card_check = CardCheck(self._fault, self._uri, self._pieces)

    def project(self, project: Project, path: str) -> None:
        self._layer_check.is_branded = bool(project.brand_kit)
        self._text(project.title, f"{path}.title", MAX_TITLE)
        self._span(project.target_duration, f"{path}.target_duration", LONGEST_TARGET)
        self._text(project.script, f"{path}.script", MAX_SCRIPT)
        self._storyboard(project.shots, f"{path}.storyboard.shots")
        if project.music:
            self._music(project.music, f"{path}.music")
        self._language(project.language, f"{path}.language")
        self.output(project.output, f"{path}.output")
        if fault := codec_fault(project.output):
            self._fault(f"{path}.output.codec", fault)
        is_template = self._open_uri_fault is not None
        self.faults += caption_faults(
            project.captions, f"{path}.captions", is_template=is_template, is_branded=bool(project.brand_kit)
        )
        if project.watermark:
            self._uri(project.watermark.uri, f"{path}.watermark.uri", required=True)
            self._number(project.watermark.opacity, f"{path}.watermark.opacity", 0, 1)
            self._number(project.watermark.scale, f"{path}.watermark.scale", 0.02, 0.5)
        for name, pause, most in (
            ("narration_gap", project.pacing.narration_gap, LONGEST_GAP),
            ("tail", project.pacing.tail, LONGEST_TAIL),
        ):
            if pause is not None and not _ZERO <= pause <= most:
                self._fault(f"{path}.pacing.{name}", f"must be 0 s to {_seconds(most)}")
        self._uri(project.intro_clip_uri, f"{path}.intro_clip_uri")
        self._uri(project.outro_clip_uri, f"{path}.outro_clip_uri")
        for name, card in (("title_card", project.title_card), ("end_card", project.end_card)):
            if card:
                self._card(card, f"{path}.{name}")

        if project.speech:
            self.speech(project.speech, f"{path}.speech")
        self._lexicon(project.lexicon, f"{path}.lexicon")
        self._layer_check.layers(project.layers, f"{path}.layers", over="the whole video")
        self._sounds(project.sounds, f"{path}.sounds")
        if not self.faults and self._open_uri_fault is None:
            too_long = length_fault(project, path)
            self.faults.extend(filter(None, [too_long]) if self._any_voice else speech_faults(project, path))
            self.faults.extend(recognition_faults(project, path, for_render=self._for_render))

    def renderable(self, project: Project, path: str) -> None:
        if not project.shots:
            self._fault(f"{path}.shots", f"must have 1 to {MAX_SHOTS} shots to be rendered")
        elif _least_length(project) > LONGEST_VIDEO:
            self._fault(path, f"must last at most {_seconds(LONGEST_VIDEO)} in all")

    def output(self, options: OutputOptions, path: str) -> None:
        self._audio_languages(options, f"{path}.audio_languages")
        if options.aspect_ratio is not None and options.size is not None:
            self._fault(f"{path}.size", "must be omitted where aspect_ratio is given")
        elif options.size is not None:
            for name, side in (("width", options.size.width), ("height", options.size.height)):
                if side % 2 or not MIN_SIDE <= side <= MAX_SIDE:
                    self._fault(f"{path}.size.{name}", f"must be an even number of pixels, {MIN_SIDE} to {MAX_SIDE}")
        self.faults += label_faults(options.ai_label, f"{path}.ai_label")
        if options.poster_time is not None and not _ZERO <= options.poster_time <= LONGEST_VIDEO:
            self._fault(f"{path}.poster_time", f"must be 0 to {_seconds(LONGEST_VIDEO)}")
        self.faults += streaming_faults(options, f"{path}.streaming")
        if options.fps is not None and options.fps not in FRAME_RATES:
            self._fault(f"{path}.fps", f"must be one of {', '.join(map(str, FRAME_RATES))}, or 0 for the default")

    def _audio_languages(self, options: OutputOptions, place: str) -> None:
        if len(options.audio_languages) > MAX_AUDIO_LANGUAGES:
            self._fault(place, f"must have at most {MAX_AUDIO_LANGUAGES} languages")
        for index, audio in enumerate(options.audio_languages[:MAX_AUDIO_LANGUAGES]):
            self._text(audio.language, f"{place}[{index}].language", MAX_LANGUAGE, required=True)
            self._language(audio.language, f"{place}[{index}].language")
            self._text(audio.voice, f"{place}[{index}].voice", MAX_VOICE)
        self._unique([audio.language for audio in options.audio_languages], place)

    def _storyboard(self, shots: Sequence[Shot], path: str) -> None:
        if len(shots) > MAX_SHOTS:
            self._fault(path, f"must have at most {MAX_SHOTS} shots")
        seen: dict[str, int] = {}
        for index, shot in enumerate(shots[:MAX_SHOTS]):
            self._shot(shot, f"{path}[{index}]")
            first = seen.setdefault(shot.id, index)
            if first != index:
                self._fault(f"{path}[{index}].id", f"must be unique; shots[{first}] has the same")

    def _shot(self, shot: Shot, path: str) -> None:
        if not _SHOT_ID.fullmatch(shot.id):
            self._fault(f"{path}.id", "must be 1 to 64 characters A–Z a–z 0–9 _ -")
        self._text(shot.visual_description, f"{path}.visual_description", MAX_NARRATION)
        self._text(shot.narration, f"{path}.narration", MAX_NARRATION)
        self._text(shot.caption or "", f"{path}.caption", MAX_CAPTION)
        self._span(shot.duration, f"{path}.duration", LONGEST_SHOT)
        self._uri(shot.image_uri, f"{path}.image_uri")
        self._uri(shot.clip_uri, f"{path}.clip_uri")
        if self._is_there(shot.image_uri) and self._is_there(shot.clip_uri):
            self._fault(f"{path}.clip_uri", "must be omitted where image_uri is given")
        self._uri(shot.narration_audio_uri, f"{path}.narration_audio_uri")
        self.faults += motion_faults(shot.motion, f"{path}.motion")
        self._span(shot.transition.duration, f"{path}.transition.duration", LONGEST_TRANSITION)
        self._uri(shot.transition.mask_uri, f"{path}.transition.mask_uri")
        self.faults += transition_faults(shot.transition, f"{path}.transition")
        self.faults += clip_faults(shot, f"{path}.clip")
        self._words(shot.words, f"{path}.words")
        if shot.speech:
            # The language of a shot without a narration says what is heard in its sound, which no voice speaks.
            self.speech(shot.speech, f"{path}.speech", is_said=bool(shot.narration or shot.translations))
        self._translations(shot.translations, f"{path}.translations")
        self._layer_check.layers(shot.layers, f"{path}.layers", over="a clip" if shot.clip_uri else "")
        self._sounds(shot.sounds, f"{path}.sounds")
        if shot.card:
            self._card_check.card(shot.card, f"{path}.card")

    def _sounds(self, sounds: Sequence[SoundClip], path: str) -> None:
        if len(sounds) > MAX_SOUNDS:
            self._fault(path, f"must have at most {MAX_SOUNDS} sounds")
        for index, sound in enumerate(sounds[:MAX_SOUNDS]):
            self._uri(sound.uri, f"{path}[{index}].uri", required=True)
            self.faults += sound_faults(sound, f"{path}[{index}]")

    def _translations(self, translations: Sequence[Translation], path: str) -> None:
        if len(translations) > MAX_TRANSLATIONS:
            self._fault(path, f"must have at most {MAX_TRANSLATIONS} translations")
        for index, translation in enumerate(translations[:MAX_TRANSLATIONS]):
            place = f"{path}[{index}]"
            self._text(translation.language, f"{place}.language", MAX_LANGUAGE, required=True)
            self._language(translation.language, f"{place}.language")
            self._text(translation.narration, f"{place}.narration", MAX_NARRATION)
            self._text(translation.caption or "", f"{place}.caption", MAX_CAPTION)
        self._unique([translation.language for translation in translations[:MAX_TRANSLATIONS]], path)

    def _words(self, words: Sequence[WordTiming], path: str) -> None:
        if len(words) > MAX_WORDS:
            self._fault(path, f"must have at most {MAX_WORDS:,} words")
        before = _ZERO
        for index, word in enumerate(words[:MAX_WORDS]):
            if not 1 <= len(word.text) <= MAX_WORD or "{{" in word.text:
                self._text(word.text, f"{path}[{index}].text", MAX_WORD, required=True)
            if not before <= word.start <= LONGEST_SHOT:
                limits = f"0 s or more, at most {_seconds(LONGEST_SHOT)}"
                self._fault(f"{path}[{index}].start", f"must be {limits}, and not before the word before it")
            if not max(_ZERO, word.start) <= word.end <= LONGEST_SHOT or not word.end:
                limits = f"more than 0 s, at most {_seconds(LONGEST_SHOT)}"
                self._fault(f"{path}[{index}].end", f"must be {limits}, and not before the word's start")
            before = max(before, word.start)

    def speech(self, speech: Speech, path: str, *, is_said: bool = True) -> None:
        known = len(self.faults)
        self._text(speech.voice, f"{path}.voice", MAX_VOICE)
        self._text(speech.model, f"{path}.model", MAX_MODEL)
        self._text(speech.instructions, f"{path}.instructions", MAX_INSTRUCTIONS)
        if speech.speed is not None:
            self._number(speech.speed, f"{path}.speed", MIN_SPEED, MAX_SPEED)
        self._language(speech.language, f"{path}.language")
        if self._any_voice:
            return
        named = (speech.voice, speech.language if is_said else "")
        voice, language = (part if len(self._pieces(part)) == 1 else "" for part in named)
        fault = named_fault(voice, language) if len(self.faults) == known else None
        if fault:
            self._fault(f"{path}.{fault.part}", fault.description)

    def _lexicon(self, lexicon: Sequence[LexiconEntry], path: str) -> None:
        if len(lexicon) > MAX_LEXICON:
            self._fault(path, f"must have at most {MAX_LEXICON} entries")
        seen: dict[tuple[str, str], int] = {}
        for index, entry in enumerate(lexicon[:MAX_LEXICON]):
            known, at = len(self.faults), f"{path}[{index}]"
            self._text(entry.word, f"{at}.word", MAX_WORD)
            self._text(entry.ipa, f"{at}.ipa", MAX_READING)
            self._text(entry.respelling, f"{at}.respelling", MAX_READING)
            self._language(entry.language, f"{at}.language")
            parts = (entry.word, entry.ipa, entry.respelling, entry.language)
            if len(self.faults) > known or any(len(self._pieces(part)) > 1 for part in parts):
                continue
            fault = entry_fault(entry)
            if fault:
                self._fault(f"{at}.{fault[0]}", fault[1])
            first = seen.setdefault((entry.word, primary(entry.language)), index)
            if first != index:
                self._fault(f"{at}.word", f"must be unique for its language; lexicon[{first}] has the same")

    def _music(self, music: Music, path: str) -> None:
        self._uri(music.uri, f"{path}.uri", required=True)
        self._number(music.volume, f"{path}.volume", 0, 1)
        for name, fade in (("fade_in", music.fade_in), ("fade_out", music.fade_out)):
            if not _ZERO <= fade <= LONGEST_FADE:
                self._fault(f"{path}.{name}", f"must be 0 s to {_seconds(LONGEST_FADE)}")

    def _card(self, card: Card, path: str) -> None:
        self._text(card.title, f"{path}.title", MAX_TITLE, required=True)
        self._text(card.subtitle, f"{path}.subtitle", MAX_SUBTITLE)
        self._span(card.duration, f"{path}.duration", LONGEST_SHOT)

    def _language(self, tag: str, path: str) -> None:
        pieces = self._pieces(tag)
        known = len(pieces) == 1
        tag = "".join(pieces)
        if tag and (len(tag) > MAX_LANGUAGE or (known and not _LANGUAGE_TAG.fullmatch(tag))):
            self._fault(path, f"must be a BCP 47 tag of at most {MAX_LANGUAGE} characters, such as en or zh-Hans")

    def _unique(self, languages: Sequence[str], path: str) -> None:
        seen: dict[str, int] = {}
        for index, language in enumerate(languages):
            if (first := seen.setdefault(language.lower(), index)) != index:
                place = f"{path}[{index}].language"
                self._fault(place, f"must be unique; {path.rpartition('.')[2]}[{first}] has the same")

    def _text(self, text: str, path: str, most: int, *, required: bool = False) -> None:
        pieces = self._pieces(text)
        if sum(map(len, pieces)) > most:
            self._fault(path, f"must have at most {most:,} characters")
        elif required and len(pieces) == 1 and not is_visible(pieces[0]):
            self._fault(path, f"must have 1 to {most:,} characters, not only blanks and zero-width characters")

    def _number(self, value: float, path: str, least: float, most: float) -> None:
        if not least <= value <= most:
            self._fault(path, f"must be {least:g} to {most:g}")

    def _span(self, value: timedelta | None, path: str, most: timedelta) -> None:
        if value is not None and not _ZERO < value <= most:
            self._fault(path, f"must be more than 0 s, at most {_seconds(most)}")

    def _uri(self, uri: str, path: str, *, required: bool = False) -> None:
        pieces = self._pieces(uri)
        if len(pieces) > 1 and self._open_uri_fault is not None:
            fault = self._open_uri_fault(pieces)
        else:
            fault = self._uri_fault(pieces[0]) if uri else "must not be empty" if required else None
        if fault:
            self._fault(path, fault)

    def _is_there(self, uri: str) -> bool:
        """Return whether a URI is given, for any values of its variables."""
        return any(self._pieces(uri))

    def _pieces(self, text: str) -> tuple[str, ...]:
        """Return what is known of a text: more than one piece where it has variables."""
        return known_pieces(text) if self._open_uri_fault is not None and "{{" in text else (text,)

    def _fault(self, path: str, description: str) -> None:
        self.faults.append(FieldFault(path, description))


def _least_length(project: Project) -> timedelta:
    """Return the minimum length of the shots and cards: clips and narrations, not yet measured, may add to it."""
    cards = [card.duration or DEFAULT_CARD for card in (project.title_card, project.end_card) if card]
    known = sum([shot.duration for shot in project.shots if shot.duration is not None] + cards, _ZERO)
    open_shots = [shot for shot in project.shots if shot.duration is None]
    if project.target_duration is None or not open_shots:
        return known + DEFAULT_SHOT * sum(not is_clip(declared_source(shot)) for shot in open_shots)
    return max(project.target_duration, known + SHORTEST_SHARE * len(open_shots))


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():,g} s"
