"""Settings of the paid and remote speech providers, and what each can do by them."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from render_service.config.names import WITHOUT_PREFIX
from render_service.domain.speech.terms import ELEVENLABS_MODELS, ELEVENLABS_SPEEDS, SpeechModel, SpeechTerms
from render_service.domain.speech.voices import SpeechProvider

if TYPE_CHECKING:
    from render_service.config.settings import Settings

_MAX_TEXT = 4_000  # of a narration


class SpeechProviderSettings(BaseSettings):
    """URLs, keys, limits and prices of the speech providers, which servers and workers need."""

    model_config = WITHOUT_PREFIX

    elevenlabs_api_key: SecretStr | None = None
    """ELEVENLABS_API_KEY: key of the speech provider `elevenlabs`."""
    elevenlabs_base_url: HttpUrl = HttpUrl("https://api.elevenlabs.io")
    """ELEVENLABS_BASE_URL: base URL of ElevenLabs' API, or of a gateway to it."""
    elevenlabs_model: str = "eleven_multilingual_v2"
    """ELEVENLABS_MODEL: model that speaks where the project names none; also one that this version does not know."""
    elevenlabs_voice: str = "JBFqnCBsd6RMkjVDRZzb"
    """ELEVENLABS_VOICE: id of the voice that speaks where the project names none."""
    elevenlabs_price: Decimal | None = Field(default=None, ge=0, le=1000)
    """ELEVENLABS_PRICE: what 1,000 characters cost in USD by your plan; default: unknown."""
    elevenlabs_concurrency: int = Field(default=4, ge=1, le=1000)
    """ELEVENLABS_CONCURRENCY: how many narrations `elevenlabs` speaks at a time, over all workers; your plan's
    limit."""
    elevenlabs_requests_per_minute: int | None = Field(default=None, ge=1, le=100_000)
    """ELEVENLABS_REQUESTS_PER_MINUTE: most narrations that are submitted to `elevenlabs` in a minute, over all workers;
    default: any number."""
    openai_speech_base_url: HttpUrl | None = None
    """OPENAI_SPEECH_BASE_URL: base URL of the speech provider `openai_compatible`, with its version, such as
    `http://kokoro:8880/v1`."""
    openai_speech_api_key: SecretStr | None = None
    """OPENAI_SPEECH_API_KEY: key of `openai_compatible`, sent as a bearer token; if unset, no key is sent."""
    openai_speech_model: str = "tts-1"
    """OPENAI_SPEECH_MODEL: model that speaks where the project names none."""
    openai_speech_voice: str = "alloy"
    """OPENAI_SPEECH_VOICE: voice that speaks where the project names none."""
    openai_speech_voices: Annotated[tuple[str, ...], NoDecode] = ()
    """OPENAI_SPEECH_VOICES: the server's voices, separated by `,`; default: those that it lists at `/audio/voices`, if
    it does."""
    openai_speech_word_times: bool = False
    """OPENAI_SPEECH_WORD_TIMES: whether the server has Kokoro-FastAPI's `/dev/captioned_speech`, which returns when
    each word is spoken. Otherwise they are found in the sound."""
    openai_speech_max_characters: int = Field(default=4096, ge=1, le=1_000_000)
    """OPENAI_SPEECH_MAX_CHARACTERS: the longest text that the server speaks at once."""
    openai_speech_price: Decimal | None = Field(default=None, ge=0, le=1000)
    """OPENAI_SPEECH_PRICE: what 1,000 characters cost in USD; default: unknown."""
    openai_speech_concurrency: int = Field(default=4, ge=1, le=1000)
    """OPENAI_SPEECH_CONCURRENCY: how many narrations `openai_compatible` speaks at a time, over all workers."""
    openai_speech_requests_per_minute: int | None = Field(default=None, ge=1, le=100_000)
    """OPENAI_SPEECH_REQUESTS_PER_MINUTE: most narrations that are submitted to `openai_compatible` in a minute, over
    all workers; default: any number."""
    custom_speech_api_url: HttpUrl | None = None
    """CUSTOM_SPEECH_API_URL: base URL of the speech provider `custom`."""
    custom_speech_api_key: SecretStr | None = None
    """CUSTOM_SPEECH_API_KEY: key of the speech provider `custom`, sent as a bearer token; if unset, no key is sent."""
    custom_speech_max_characters: int = Field(default=_MAX_TEXT, ge=1, le=1_000_000)
    """CUSTOM_SPEECH_MAX_CHARACTERS: the longest text that the backend speaks at once."""
    custom_speech_price: Decimal | None = Field(default=None, ge=0, le=1000)
    """CUSTOM_SPEECH_PRICE: what 1,000 characters cost in USD, where the backend does not report a cost; default:
    unknown."""
    custom_speech_concurrency: int = Field(default=4, ge=1, le=1000)
    """CUSTOM_SPEECH_CONCURRENCY: how many narrations the speech provider `custom` speaks at a time, over all
    workers."""
    custom_speech_requests_per_minute: int | None = Field(default=None, ge=1, le=100_000)
    """CUSTOM_SPEECH_REQUESTS_PER_MINUTE: most narrations that are submitted to the speech provider `custom` in a
    minute, over all workers; default: any number."""
    speech_api_request_timeout: float = Field(default=120.0, gt=0, le=600)
    """SPEECH_API_REQUEST_TIMEOUT: time-out of one HTTP request to a speech provider, in seconds."""

    @field_validator("openai_speech_voices", mode="before")
    @classmethod
    def _split_voices(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(voice.strip() for voice in value.split(",") if voice.strip())
        return value


REQUIRED = {
    SpeechProvider.ELEVENLABS: "ELEVENLABS_API_KEY",
    SpeechProvider.OPENAI_COMPATIBLE: "OPENAI_SPEECH_BASE_URL",
    SpeechProvider.CUSTOM: "CUSTOM_SPEECH_API_URL",
}
"""The setting without which a remote provider cannot be used."""


def remote_speech(settings: SpeechProviderSettings) -> tuple[SpeechProvider, ...]:
    """Return the remote speech providers that are configured."""
    return tuple(provider for provider, name in REQUIRED.items() if getattr(settings, name.lower()))


def speech_providers(settings: "Settings") -> frozenset[SpeechProvider]:
    """Return all speech providers that are configured."""
    local = {SpeechProvider.LOCAL} if settings.speaks_locally else set()
    return frozenset(local.union(remote_speech(settings)))


def speech_terms(settings: SpeechProviderSettings, provider: SpeechProvider) -> SpeechTerms | None:
    """Return what a provider can do; None for `local`, whose voices decide."""
    match provider:
        case SpeechProvider.ELEVENLABS:
            # A model that is newer than this version has the limits of no known one, and is told no language.
            unknown = {settings.elevenlabs_model: SpeechModel(_MAX_TEXT)}
            known = {**unknown, **ELEVENLABS_MODELS}
            models = {name: _priced(model, settings.elevenlabs_price) for name, model in known.items()}
            return SpeechTerms(
                provider,
                settings.elevenlabs_voice,
                settings.elevenlabs_model,
                SpeechModel(_MAX_TEXT),
                models,
                speeds=ELEVENLABS_SPEEDS,
            )
        case SpeechProvider.OPENAI_COMPATIBLE:
            return SpeechTerms(
                provider,
                settings.openai_speech_voice,
                settings.openai_speech_model,
                SpeechModel(settings.openai_speech_max_characters, settings.openai_speech_price),
                takes_instructions=True,
            )
        case SpeechProvider.CUSTOM:
            return SpeechTerms(
                provider,
                "",
                "",
                SpeechModel(settings.custom_speech_max_characters, settings.custom_speech_price),
                takes_instructions=True,
                takes_options=True,
                takes_phonemes=True,
            )
    return None


def _priced(model: SpeechModel, price: Decimal | None) -> SpeechModel:
    if price is None:
        return model
    return SpeechModel(model.max_characters, price, model.languages, takes_language=model.takes_language)
