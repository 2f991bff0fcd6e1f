"""What the speech providers can do, and what they charge: checked before anything is spoken.

ElevenLabs' models and languages are those of https://elevenlabs.io/docs/overview/models and, for Turbo, of its earlier
version https://elevenlabs.io/docs/models; the limits of the v2 models those of its help article "API - Error Code 400
or 401", that of `eleven_v3` the one that https://openrouter.ai/provider/elevenlabs states. The range of speeds and the
models that take no language are documented in ElevenLabs' Python SDK 2.78. Prices differ by plan, and what others quote
differs as well: they are unknown unless the operator sets one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from render_service.domain.speech.requests import MAX_SPEED, MIN_SPEED, SpeechFault, SpeechRequest
from render_service.domain.speech.voices import Gender, SpeechProvider, nearest, primary, sample_text

PRICE_UNIT = "1000 characters"
_PER = 1000


@dataclass(frozen=True, slots=True)
class ListedVoice:
    """A voice of a provider.

    Args:
        id: Its name in `Speech.voice`.
        name: Its name for people; empty if it is the id.
        languages: BCP 47 tags of the languages that it is made for; empty if unknown. Models decide what it can speak.
        gender: How it sounds; None if unknown.
        style: How it sounds in the provider's words.
    """

    id: str
    name: str = ""
    languages: tuple[str, ...] = ()
    gender: Gender | None = None
    style: str = ""

    @property
    def sample_text(self) -> str:
        """A sentence by which people can judge the voice; empty if there is none in its language."""
        return next(filter(None, map(sample_text, self.languages)), "")


@dataclass(frozen=True, slots=True)
class SpeechModel:
    """A model of a provider.

    Args:
        max_characters: The longest text that it speaks at once.
        price: What 1,000 characters cost in USD; None if unknown.
        languages: Primary subtags of what it speaks; None for any, or if unknown.
        takes_language: Whether a request may name the language.
    """

    max_characters: int
    price: Decimal | None = None
    languages: frozenset[str] | None = None
    takes_language: bool = True


@dataclass(frozen=True, slots=True)
class SpeechTerms:
    """What a provider can do, by its API and the service's configuration.

    Args:
        provider: The provider.
        default_voice: Speaks where nobody names a voice; empty for the provider's own default.
        default_model: The same for models.
        models: Its models; empty if any name is passed on.
        any_model: What holds for models that are not listed.
        speeds: The slowest and the fastest speed.
        takes_instructions: Whether it is told how to speak.
        takes_options: Whether it takes the request's options.
        takes_phonemes: Whether it takes words of the lexicon as IPA and pinyin.
    """

    provider: SpeechProvider
    default_voice: str
    default_model: str
    any_model: SpeechModel
    models: Mapping[str, SpeechModel] = field(default_factory=dict)
    speeds: tuple[float, float] = (MIN_SPEED, MAX_SPEED)
    takes_instructions: bool = False
    takes_options: bool = False
    takes_phonemes: bool = False

    def model(self, name: str) -> SpeechModel | None:
        """Return a model; None if the provider has none of that name."""
        return self.models.get(name) if self.models else self.any_model

    def cost(self, request: SpeechRequest) -> Decimal | None:
        """Return what a request costs in USD; None if the price is unknown."""
        model = self.model(request.model)
        if model is None or model.price is None:
            return None
        return model.price * len(request.respelled.sent) / _PER

    def fault_of(self, request: SpeechRequest, voices: tuple[ListedVoice, ...] | None) -> SpeechFault | None:
        """Return the first reason for which the provider does not speak a text, or None.

        Args:
            request: What is to be spoken.
            voices: The provider's voices; None if they are not known.
        """
        model = self.model(request.model)
        if model is None:
            listed = ", ".join(self.models)
            return SpeechFault(
                "model",
                f"must be a model of {self.provider}, and {request.model} is none that is known; it has {listed};"
                " to use a newer one, have the service's default model set to it",
            )
        least, most = self.speeds
        language = primary(request.language)
        named = f"{request.model} of {self.provider}" if request.model else str(self.provider)
        characters = len(request.respelled.sent)
        phonetic = next((entry for entry in request.lexicon if entry.is_phonetic), None)
        if phonetic is not None and not self.takes_phonemes:
            kind = "IPA" if phonetic.ipa else "pinyin"
            return SpeechFault(
                "lexicon",
                f"{self.provider} reads no {kind}, and a narration has the word {phonetic.word}; respell it in letters",
                phonetic.word,
            )
        faults = {
            "instructions": f"must be empty: {self.provider} takes no instructions"
            if request.instructions and not self.takes_instructions
            else None,
            "speed": f"must be {least:g} to {most:g} for {self.provider}"
            if not least <= request.speed <= most
            else None,
            "voice": voice_fault(self.provider, request.voice, voices),
            "language": f"{named} does not speak {request.language}; use another model"
            if language and model.languages is not None and language not in model.languages
            else None,
            "text": f"must have at most {model.max_characters:,} characters for {named}, and has"
            f" {characters:,}; split it over several shots"
            if characters > model.max_characters
            else None,
        }
        return next((SpeechFault(part, fault) for part, fault in faults.items() if fault is not None), None)


@dataclass(frozen=True, slots=True)
class PlannedNarration:
    """A narration that is submitted to a remote provider, and what it costs in USD; None if that is unknown."""

    shot_id: str
    request: SpeechRequest
    cost: Decimal | None


def voice_fault(provider: SpeechProvider, voice_id: str, voices: tuple[ListedVoice, ...] | None) -> str | None:
    """Return what is wrong with the id of a voice, if anything; nothing is known without a list of voices."""
    if not voice_id or voices is None or any(voice.id == voice_id for voice in voices):
        return None
    names = {voice.id.lower(): _described(voice) for voice in voices}
    names |= {voice.name.lower(): _described(voice) for voice in voices if voice.name}
    near = nearest(names, voice_id)
    remedy = f"did you mean {' or '.join(near)}?" if near else "ListVoices returns all voices"
    return f"must be the id of a voice of {provider}, and {voice_id} is none; {remedy}"


def _described(voice: ListedVoice) -> str:
    return f"{voice.id} ({voice.name})" if voice.name and voice.name != voice.id else voice.id


_EUROPEAN = {"en", "de", "fr", "pt", "it", "es", "nl", "pl", "sv", "bg", "ro", "cs", "el", "fi", "hr", "sk", "da"}
_MULTILINGUAL_V2 = frozenset(
    _EUROPEAN | {"ja", "zh", "hi", "ko", "id", "tr", "fil", "tl", "ar", "ms", "ta", "uk", "ru"}
)
# Documents say `fil` and `no`; projects may also write Tagalog and Bokmål.
_FLASH_V25 = _MULTILINGUAL_V2 | {"hu", "no", "nb", "vi"}
ELEVENLABS_MODELS: Mapping[str, SpeechModel] = {
    "eleven_multilingual_v2": SpeechModel(10_000, languages=_MULTILINGUAL_V2, takes_language=False),
    "eleven_v3": SpeechModel(5_000),
    "eleven_flash_v2_5": SpeechModel(40_000, languages=_FLASH_V25),
    "eleven_turbo_v2_5": SpeechModel(40_000, languages=_FLASH_V25),
    "eleven_flash_v2": SpeechModel(30_000, languages=frozenset({"en"}), takes_language=False),
    "eleven_turbo_v2": SpeechModel(30_000, languages=frozenset({"en"}), takes_language=False),
}
"""The models of ElevenLabs that speak texts."""
ELEVENLABS_SPEEDS = (0.7, 1.2)


def language_sent(request: SpeechRequest) -> str:
    """Return the language that the provider receives with a text; empty if none is named to it."""
    match request.provider:
        case SpeechProvider.CUSTOM:
            return request.language
        case SpeechProvider.ELEVENLABS:
            model = ELEVENLABS_MODELS.get(request.model)
            return primary(request.language) if model is not None and model.takes_language else ""
        case _:
            return ""
