"""Words and their times that are to be found in a sound: of narrations without times, and of what is not written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from render_service.domain.errors import FieldFault
from render_service.domain.projects.looks.clips import ClipEdit, ShortClip
from render_service.domain.projects.project import Project, Shot, Speech, WordTiming
from render_service.domain.projects.shot_source import declared_source, is_clip
from render_service.domain.speech.lexicon import Lexicon, applying
from render_service.domain.speech.readable import guess_language, is_spoken
from render_service.domain.speech.scripts import recognized_language
from render_service.domain.speech.voices import SpeechProvider

LONGEST_ALIGNED = 600
"""Seconds of a recording whose words are found; those of longer ones are only estimated."""


class TimingMethod(StrEnum):
    """How the times of words were found."""

    ACOUSTIC = "acoustic"
    """An acoustic model of the language found the words in the sound."""
    COMPARISON = "comparison"
    """The sound was compared with the service's own reading of the text."""
    ESTIMATE = "estimate"
    """The words were spread over the parts of the sound that are not silent, by their length."""
    RECOGNIZED = "recognized"
    """A recogniser heard the words, which nobody had written down."""


@dataclass(frozen=True, slots=True)
class AlignedText:
    """The words of a text with the times at which they are spoken, in order, and how these were found."""

    words: tuple[WordTiming, ...]
    method: TimingMethod


@dataclass(frozen=True, slots=True)
class AlignmentRequest:
    """A text that a sound says, the BCP 47 tag of its language, and how words of it are read."""

    text: str
    language: str
    lexicon: Lexicon = ()


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """What is recognised of a sound.

    Args:
        language: BCP 47 tag of its language, which decides the script of its text; empty: detected.
        start: Where the part that is heard begins in the file.
        length: How much of the file is heard at most; None: all up to its end.
    """

    language: str
    start: timedelta = timedelta(0)
    length: timedelta | None = None


class RecognitionGap(StrEnum):
    """Why something of a sound has no text."""

    NO_SOUND = "no_sound"
    NO_SPEECH = "no_speech"
    UNKNOWN_LANGUAGE = "unknown_language"
    """The language is not given and could not be detected."""
    UNCLEAR = "unclear"
    """A part sounds like speech, but what the recogniser made of it is most likely made up."""
    TOO_LONG = "too_long"
    """Only the first `LONGEST_ALIGNED` seconds of what is heard are recognised."""


@dataclass(frozen=True, slots=True)
class RecognizedText:
    """What a sound says, and its words with their times, in order; each word is in the text after the one before it.

    `gap` is why it is not the whole, or nothing; None if it is the whole.
    """

    text: str
    words: tuple[WordTiming, ...]
    gap: RecognitionGap | None = None


def unaligned_narrations(project: Project) -> Mapping[str, AlignmentRequest]:
    """Return the narrations of a project whose words have no times and are to get them, by shot id, in order.

    They are those of shots with `speech`, their own or the project's: recordings, and what was spoken without times.

    Args:
        project: A project whose spoken narrations have their words.
    """
    return {
        shot.id: _request(shot.narration, _language(project, shot), project.lexicon)
        for shot in project.shots
        if (shot.speech or project.speech) is not None and not shot.words and is_spoken(shot.narration)
    }


def timed_later(project: Project, provider: SpeechProvider) -> bool:
    """Return whether the words of a narration may have to be found in its sound: `local` returns their times."""
    unaligned = unaligned_narrations(project)
    is_remote = provider is not SpeechProvider.LOCAL
    return any(shot.id in unaligned for shot in project.shots if is_remote or shot.narration_audio_uri)


def _request(text: str, language: str, lexicon: Lexicon) -> AlignmentRequest:
    return AlignmentRequest(text, language, applying(lexicon, text, language))


def unwritten_shots(project: Project) -> Mapping[str, RecognitionRequest]:
    """Return the shots whose sound nobody has written down and that are to have captions, by shot id, in order.

    They have a recording, or a clip that is heard, and neither narration, words nor a caption, not even an empty one.
    """
    if not project.captions.from_audio:
        return {}
    base = (project.speech or Speech()).language or project.language
    return {
        shot.id: _recognition(shot, (shot.speech or Speech()).language or base)
        for shot in project.shots
        if is_heard(shot) and not (shot.narration.strip() or shot.words) and shot.caption is None
    }


def _recognition(shot: Shot, language: str) -> RecognitionRequest:
    """Return what is recognised of an unwritten shot: of a clip, no more than the part that the shot can play."""
    if shot.narration_audio_uri:
        return RecognitionRequest(language)
    edit = shot.clip or ClipEdit()
    limits = [edit.length] if edit.length is not None and edit.when_short is not ShortClip.EXTEND else []
    # Without a narration nothing extends the shot; each translation may add one.
    if shot.duration is not None and not shot.translations:
        limits.append(shot.duration * edit.speed)
    return RecognitionRequest(language, edit.start, min(limits, default=None))


def recognition_faults(project: Project, path: str, *, for_render: bool) -> Iterator[FieldFault]:
    """Yield what is wrong with captions from the sound.

    Args:
        project: A project without variables whose language tags are valid.
        path: Its path in the request, such as `project`.
        for_render: Whether it is rendered now, and so needs a sound.
    """
    if for_render and project.captions.from_audio and not any(map(is_heard, project.shots)):
        fault = "must be false: no shot has a narration_audio_uri, or a clip_uri whose sound is heard"
        yield FieldFault(f"{path}.captions.from_audio", fault)
    requests = unwritten_shots(project)
    places = dict[str, str]()
    for place, shot in enumerate(project.shots):
        request = requests.get(shot.id)
        if request is not None and recognized_language(request.language) is None:
            places.setdefault(_language_field(project, shot, place, path), request.language)
    for field, language in places.items():
        yield FieldFault(field, f"must be a language that can be recognized for captions.from_audio; {language} cannot")


def _language_field(project: Project, shot: Shot, place: int, path: str) -> str:
    if (shot.speech or Speech()).language:
        return f"{path}.storyboard.shots[{place}].speech.language"
    return f"{path}.speech.language" if (project.speech or Speech()).language else f"{path}.language"


def is_heard(shot: Shot) -> bool:
    """Return whether a shot has a recording, or a clip whose sound is heard."""
    if shot.narration_audio_uri:
        return True
    edit = shot.clip or ClipEdit()
    return shot.clip_sound and edit.volume > 0 and not edit.reverse and is_clip(declared_source(shot))


def _language(project: Project, shot: Shot) -> str:
    own, base = shot.speech or Speech(), project.speech or Speech()
    return own.language or base.language or project.language or guess_language(shot.narration)
