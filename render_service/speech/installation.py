"""Where the speech model and the voices are on this machine, and whether they are the right ones."""

import hashlib
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from render_service.config.speech import MODEL_PACKAGES, SPEECH_EXTRA, missing_packages
from render_service.domain.speech.voices import VOICES

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
"""The hash of Kokoro-82M v1.0, int8, as its authors released it."""
VOICES_FOLDER = Path(sys.prefix) / "share/render-service/voices"
"""Where `render-service install-voices` puts the voices."""
VOICE_BYTES = 510 * 256 * 4


class SpeechNotInstalled(Exception):
    """Something that speech needs is missing or wrong; the message names it, and the remedy."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What speech is made with.

    Args:
        model: Files that make up the model, joined.
        voices: The folder of the voices.
    """

    model: tuple[Path, ...]
    voices: Path

    def read_model(self) -> bytes:
        """Return the model.

        Raises:
            SpeechNotInstalled: It is missing, or another one.
        """
        try:
            model = b"".join(path.read_bytes() for path in self.model)
        except OSError as error:
            raise SpeechNotInstalled(f"{error.filename}: {error.strerror}; install {SPEECH_EXTRA}") from None
        if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
            found = f"{', '.join(map(str, self.model))}: not the model with the SHA-256 {MODEL_SHA256}"
            raise SpeechNotInstalled(f"{found}; install {SPEECH_EXTRA} again")
        return model

    def voice_file(self, voice_id: str) -> Path:
        """Return the file of a voice: 510 rows of 256 float32, one for each number of phonemes."""
        return self.voices / f"{voice_id}.bin"


def missing_voices(folder: Path) -> list[str]:
    """Return the ids of the voices that a folder does not have, or not wholly."""
    return [voice.id for voice in VOICES if not _is_whole(folder / f"{voice.id}.bin")]


def find_installation(model: Path | None, voices: Path | None) -> Installation:
    """Return where model and voices are; reads neither.

    Args:
        model: A file with the model, instead of the packages.
        voices: A folder with the voices, instead of `VOICES_FOLDER`.

    Raises:
        SpeechNotInstalled: A package or a file is missing.
    """
    missing = missing_packages(with_model=model is None)
    if missing:
        raise SpeechNotInstalled(f"packages {', '.join(missing)} are not installed; install {SPEECH_EXTRA}")
    folder = voices or VOICES_FOLDER
    if model is not None and not model.is_file():
        raise SpeechNotInstalled(f"RENDER_SPEECH_MODEL: there is no file {model}")
    lacking = missing_voices(folder)
    if lacking:
        named = "all voices" if len(lacking) == len(VOICES) else f"the voices {', '.join(lacking)}"
        raise SpeechNotInstalled(
            f"{folder} lacks {named}; run `render-service install-voices`, or set RENDER_SPEECH_VOICES to their folder"
        )
    if model is not None:
        return Installation((model,), folder)
    return Installation(tuple(_package_folder(name) / "part.bin" for name in MODEL_PACKAGES), folder)


def _is_whole(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == VOICE_BYTES


def _package_folder(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
