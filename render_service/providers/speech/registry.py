"""The remote speech providers: how each is opened from the settings."""

from pydantic import SecretStr

from render_service.config.settings import Settings
from render_service.config.speech_providers import speech_terms
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.speech.custom import CustomSpeech
from render_service.providers.speech.elevenlabs import ElevenLabs
from render_service.providers.speech.openai_compatible import OpenAiCompatible
from render_service.providers.speech.speech_api import SpeechTraits

RemoteSpeech = ElevenLabs | OpenAiCompatible | CustomSpeech


def open_speech(provider: SpeechProvider, settings: Settings) -> RemoteSpeech:
    """Return the API of a configured remote provider."""
    terms, timeout = speech_terms(settings, provider), settings.speech_api_request_timeout
    assert terms is not None
    match provider:
        case SpeechProvider.ELEVENLABS:
            traits = SpeechTraits(settings.elevenlabs_concurrency, settings.elevenlabs_requests_per_minute)
            key = _secret(settings.elevenlabs_api_key) or ""
            return ElevenLabs(str(settings.elevenlabs_base_url), key, terms, traits, timeout_seconds=timeout)
        case SpeechProvider.OPENAI_COMPATIBLE:
            return OpenAiCompatible(
                str(settings.openai_speech_base_url),
                _secret(settings.openai_speech_api_key),
                terms,
                SpeechTraits(settings.openai_speech_concurrency, settings.openai_speech_requests_per_minute),
                has_word_times=settings.openai_speech_word_times,
                timeout_seconds=timeout,
            )
        case _:
            return CustomSpeech(
                str(settings.custom_speech_api_url),
                _secret(settings.custom_speech_api_key),
                terms,
                SpeechTraits(
                    settings.custom_speech_concurrency,
                    settings.custom_speech_requests_per_minute,
                    repeats_by_key=True,
                ),
                timeout_seconds=timeout,
            )


def _secret(key: SecretStr | None) -> str | None:
    return key.get_secret_value() if key is not None else None
