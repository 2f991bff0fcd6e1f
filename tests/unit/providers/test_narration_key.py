"""What a narration is stored under: everything that its provider receives, and nothing else."""

from dataclasses import replace

import pytest

from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.terms import SpeechModel, SpeechTerms
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.speech.custom import CustomSpeech
from render_service.providers.speech.elevenlabs import ElevenLabs
from render_service.providers.speech.narration import narration_key
from render_service.providers.speech.openai_compatible import OpenAiCompatible
from render_service.providers.speech.speech_api import SpeechTraits

URL = "https://speech.example.com/v1/audio/speech"
REQUEST = SpeechRequest("Good morning.", "voice", 1.0, SpeechProvider.ELEVENLABS, "eleven_flash_v2_5", "calmly", "en")


@pytest.mark.parametrize(
    ("provider", "model", "languages"),
    [
        (SpeechProvider.OPENAI_COMPATIBLE, "tts-1", ["", "en", "en-GB", "de"]),
        (SpeechProvider.ELEVENLABS, "eleven_multilingual_v2", ["", "en", "en-GB", "de"]),
        (SpeechProvider.ELEVENLABS, "eleven_flash_v2_5", ["en", "en-GB", "en-US"]),
    ],
)
def test_a_language_that_the_provider_never_receives_pays_for_nothing_again(
    provider: SpeechProvider, model: str, languages: list[str]
) -> None:
    requests = [replace(REQUEST, provider=provider, model=model, language=language) for language in languages]
    assert len({narration_key(request, {}, URL) for request in requests}) == 1


def test_whatever_the_provider_receives_is_part_of_it() -> None:
    changes = [
        {},
        {"text": "Good night."},
        {"voice": "other"},
        {"speed": 1.1},
        {"model": "eleven_turbo_v2_5"},
        {"instructions": "loudly"},
        {"language": "de"},
        {"provider": SpeechProvider.CUSTOM},
        {"provider": SpeechProvider.CUSTOM, "language": "en-GB"},
    ]
    keys = {narration_key(replace(REQUEST, **change), {}, URL) for change in changes}  # type: ignore[arg-type]
    others = {narration_key(REQUEST, {"seed": 1}, URL), narration_key(REQUEST, {}, f"{URL}2")}
    assert len(keys | others) == len(changes) + 2


def test_another_server_and_another_method_return_another_narration() -> None:
    terms, traits = SpeechTerms(SpeechProvider.CUSTOM, "", "", SpeechModel(100)), SpeechTraits(1)
    endpoints = [
        *(
            OpenAiCompatible(url, None, terms, traits, has_word_times=timed, timeout_seconds=1).endpoint
            for url in ("http://one/v1", "http://two/v1")
            for timed in (False, True)
        ),
        *(CustomSpeech(url, None, terms, traits, timeout_seconds=1).endpoint for url in ("http://one", "http://two")),
        *(ElevenLabs(url, "key", terms, traits, timeout_seconds=1).endpoint for url in ("http://one", "http://two")),
    ]
    assert len(set(endpoints)) == len(endpoints)
