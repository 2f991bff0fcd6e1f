"""What a narration is stored under: everything that its provider receives, and nothing else."""

from dataclasses import replace

import pytest

from render_service.domain.speech.requests import SpeechRequest
from render_service.domain.speech.voices import SpeechProvider
from render_service.providers.speech.narration import narration_key

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
    assert len({narration_key(request, {}) for request in requests}) == 1


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
    keys = {narration_key(replace(REQUEST, **change), {}) for change in changes}  # type: ignore[arg-type]
    assert len(keys | {narration_key(REQUEST, {"seed": 1})}) == len(changes) + 1
