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
MODEL_BYTES = 92_361_271
"""Its size."""
ACOUSTIC_MODEL_FILES = ("en-us/en-us/mdef", "en-us/en-us/means", "en-us/en-us/sendump", "en-us/cmudict-en-us.dict")
"""Files of PocketSphinx' package without which it aligns nothing, below its `model`."""
VOICES_FOLDER = Path(sys.prefix) / "share/render-service/voices"
"""Where `render-service install-voices` puts the voices."""
VOICE_BYTES = 510 * 256 * 4


class SpeechNotInstalled(Exception):
    """Something that speech needs is missing or wrong; the message names it, and the remedy."""


class SpeechDamaged(SpeechNotInstalled):
    """Something that is installed is not what it is to be."""


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
            SpeechNotInstalled: It is missing, or another one (SpeechDamaged).
        """
        try:
            model = b"".join(path.read_bytes() for path in self.model)
        except OSError as error:
            raise SpeechNotInstalled(f"{error.filename}: {error.strerror}; install {SPEECH_EXTRA}") from None
        if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
            found = f"{', '.join(map(str, self.model))}: not the model with the SHA-256 {MODEL_SHA256}"
            raise SpeechDamaged(f"{found}; install {SPEECH_EXTRA} again")
        return model

    def check_model(self) -> None:
        """Check that the files of the model are there and have its size, which reads none; loading it checks its hash.

        Raises:
            SpeechDamaged: They are missing or damaged.
        """
        sizes = [path.stat().st_size if path.is_file() else 0 for path in self.model]
        if sum(sizes) == MODEL_BYTES:
            return
        absent = [str(path) for path, size in zip(self.model, sizes, strict=True) if not size]
        fault = "missing or empty" if absent else f"{sum(sizes):,} bytes, not the {MODEL_BYTES:,} of the model"
        raise SpeechDamaged(f"{', '.join(absent or map(str, self.model))}: {fault}; install {SPEECH_EXTRA} again")

    def voice_file(self, voice_id: str) -> Path:
        """Return the file of a voice: 510 rows of 256 float32, one for each number of phonemes."""
        return self.voices / f"{voice_id}.bin"


def missing_voices(folder: Path) -> list[str]:
    """Return the ids of the voices that a folder does not have, or not wholly."""
    return [voice.id for voice in VOICES if not _is_whole(folder / f"{voice.id}.bin")]


def find_installation(model: Path | None, voices: Path | None) -> Installation:
    """Return where model and voices are; reads neither, but checks that their files have the right size.

    Args:
        model: A file with the model, instead of the packages.
        voices: A folder with the voices, instead of `VOICES_FOLDER`.

    Raises:
        SpeechNotInstalled: A package or a file is missing.
        SpeechDamaged: A package lacks a file of a model, or has another one.
    """
    missing = missing_packages(with_model=model is None)
    if missing:
        raise SpeechNotInstalled(f"packages {', '.join(missing)} are not installed; install {SPEECH_EXTRA}")
    _check_acoustic_model(_package_folder("pocketsphinx") / "model")
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
    packaged = Installation(tuple(_package_folder(name) / "part.bin" for name in MODEL_PACKAGES), folder)
    packaged.check_model()
    return packaged


def _check_acoustic_model(folder: Path) -> None:
    for name in ACOUSTIC_MODEL_FILES:
        path = folder / name
        if not path.is_file() or not path.stat().st_size:
            raise SpeechDamaged(f"{path}: missing or empty; install {SPEECH_EXTRA} again")


def _is_whole(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == VOICE_BYTES


def _package_folder(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
