"""A worker that is to speak starts only with the right model and its voices."""

from pathlib import Path

import pytest

from render_service.config.settings import ConfigurationError, Settings
from render_service.worker.speech import open_narrator

pytestmark = pytest.mark.speech


async def opens(settings: Settings, folder: Path) -> bool:
    async with open_narrator(settings, folder) as narrator:
        return narrator is not None


async def test_a_missing_or_wrong_model_stops_the_start_with_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "model.onnx"
    wrong.write_bytes(b"no model")
    for model, said in ((wrong, "not the model with the SHA-256"), (tmp_path / "absent", "there is no file")):
        with pytest.raises(ConfigurationError, match=said) as stopped:
            await opens(Settings(speech_model=model), tmp_path)
        assert "\n" not in str(stopped.value)
    with pytest.raises(ConfigurationError, match="install-voices"):
        await opens(Settings(speech_voices=tmp_path), tmp_path)


async def test_a_worker_speaks_where_speech_is_installed_and_not_turned_off(tmp_path: Path) -> None:
    assert await opens(Settings(), tmp_path)
    assert not await opens(Settings(speech_provider="none"), tmp_path)
