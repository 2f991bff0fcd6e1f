"""`render-service doctor` says which speech providers a machine has, and what a configured one lacks."""

from typing import Any

import pytest

from render_service.cli.doctor import _recognition, _speech
from render_service.config.settings import Settings


@pytest.mark.parametrize(
    ("settings", "is_right", "said"),
    [
        ({"speech_provider": "none"}, True, "local is off"),
        ({"speech_provider": "none", "custom_speech_api_url": "http://a.internal"}, True, "remote: custom"),
        ({"speech_provider": "elevenlabs"}, False, "ELEVENLABS_API_KEY is not set"),
        ({"speech_provider": "openai_compatible"}, False, "OPENAI_SPEECH_BASE_URL is not set"),
    ],
)
def test_the_finding_names_providers_and_what_is_missing(settings: dict[str, Any], is_right: bool, said: str) -> None:
    finding = _speech(Settings(**settings))
    assert finding.fine is is_right
    assert said in f"{finding.found} {finding.advice}"


@pytest.mark.parametrize(
    ("settings", "is_right", "said"),
    [
        ({"recognition": False}, True, "install render-service[recognition]"),
        ({"recognition": True, "recognition_model": "/no/such/folder"}, False, "RENDER_RECOGNITION=false"),
    ],
)
def test_the_finding_says_whether_recordings_are_recognised(
    settings: dict[str, Any], is_right: bool, said: str
) -> None:
    finding = _recognition(Settings(**settings))
    assert finding.fine is is_right
    assert said in f"{finding.found} {finding.advice}"


def test_no_key_is_printed() -> None:
    values: dict[str, Any] = {"speech_provider": "none", "elevenlabs_api_key": "secret-key"}
    assert "secret-key" not in str(_speech(Settings(**values)))
