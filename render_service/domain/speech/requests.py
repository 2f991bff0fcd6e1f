"""What is spoken, by whom and how fast, and what is wrong with such a request."""

from dataclasses import dataclass

from render_service.domain.speech.lexicon import Lexicon, applying, without_words
from render_service.domain.speech.readable import guess_language, unreadable_characters
from render_service.domain.speech.respelling import RespelledText, respelled
from render_service.domain.speech.voices import (
    LANGUAGES,
    SpeechProvider,
    default_voice,
    find_voice,
    nearest_voices,
)

MIN_SPEED, MAX_SPEED = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What is spoken.

    Args:
        text: The narration.
        voice: Id of a voice; empty for the default of `custom`.
        speed: 0.5–2; 1 is the voice's own speed.
        provider: Who speaks. The other fields are empty for `local`, whose voice decides.
        model: The provider's model; empty for the default of `custom`.
        instructions: How to speak, in words.
        language: BCP 47 tag of the text; empty if unknown.
        lexicon: How words of the text are read.
    """

    text: str
    voice: str
    speed: float
    provider: SpeechProvider = SpeechProvider.LOCAL
    model: str = ""
    instructions: str = ""
    language: str = ""
    lexicon: Lexicon = ()

    @property
    def respelled(self) -> RespelledText:
        """The text as it is sent to a remote provider: with the respellings of the lexicon."""
        return respelled(self.text, self.lexicon)


@dataclass(frozen=True, slots=True)
class SpeechFault:
    """What is wrong with a request.

    Args:
        part: A field of `Speech`, `text`, or `lexicon`.
        description: The fault in words.
        word: The word of the lexicon, if that is at fault.
    """

    part: str
    description: str
    word: str = ""


def plan_speech(
    text: str, voice_id: str, language: str, speed: float, lexicon: Lexicon = ()
) -> SpeechRequest | SpeechFault:
    """Decide which voice speaks a text.

    Args:
        text: The narration.
        voice_id: The voice that was asked for; empty takes the default of the language.
        language: The language that was asked for, as a BCP 47 tag; empty takes the voice's, or that of the text.
        speed: 0.5–2.
        lexicon: How words are read; of any language, and whether the text has them or not.

    Returns:
        The request, or the first thing that is wrong with it.
    """
    fault = named_fault(voice_id, language)
    if fault is not None:
        return fault
    voice = find_voice(voice_id) or default_voice(language or guess_language(text))
    assert voice is not None
    lexicon = applying(lexicon, text, voice.language)
    unreadable = unreadable_characters(without_words(lexicon, text), voice.language)
    if unreadable:
        return SpeechFault(
            "text",
            f"voice {voice.id} speaks {voice.language} and cannot read {', '.join(unreadable)};"
            " choose another voice or another text, or add how it is read to the lexicon",
        )
    return SpeechRequest(text, voice.id, speed, lexicon=lexicon)


def named_fault(voice_id: str, language: str) -> SpeechFault | None:
    """Return what is wrong with a voice and the language that it is to speak, if anything; either may be empty."""
    fault = voice_fault(voice_id)
    if fault is not None:
        return SpeechFault("voice", fault)
    if not language:
        return None
    voice, other = find_voice(voice_id), default_voice(language)
    if voice is None:
        return None if other else SpeechFault("language", f"no voice speaks {language}; voices speak {_languages()}")
    if voice.speaks(language):
        return None
    remedy = f"choose a voice that speaks it, such as {other.id}" if other else f"voices speak {_languages()}"
    return SpeechFault("language", f"voice {voice.id} speaks {voice.language}, not {language}; {remedy}")


def voice_fault(voice_id: str) -> str | None:
    """Return what is wrong with the id of a voice, if anything."""
    if not voice_id or find_voice(voice_id) is not None:
        return None
    if len(voice_id) > 64:
        return "must be the id of a voice, at most 64 characters"
    near = nearest_voices(voice_id)
    remedy = f"did you mean {' or '.join(near)}?" if near else "ListVoices returns all voices"
    return f"must be the id of a voice, and {voice_id} is none; {remedy}"


def _languages() -> str:
    return ", ".join(LANGUAGES)
