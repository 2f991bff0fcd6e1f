"""Where the recognition model is on this machine, and whether it is the right one."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from render_service.config.recognition import RECOGNITION_EXTRA, RECOGNITION_PACKAGES, missing_recognition_packages

RECOGNITION_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""The hash of the weights of Whisper base, converted for CTranslate2 (`model.bin`)."""
_SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")


class RecognitionNotInstalled(Exception):
    """Something that recognition needs is missing or wrong; the message names it, and the remedy."""


class RecognitionDamaged(RecognitionNotInstalled):
    """Something that is installed is not what it is to be."""


@dataclass(frozen=True, slots=True)
class RecognitionModel:
    """A model for CTranslate2.

    Args:
        weights: The files that make up its weights, joined.
        tables: The folder of its other files.
        sha256: The hash of its weights, in hexadecimal.
    """

    weights: tuple[Path, ...]
    tables: Path
    sha256: str = RECOGNITION_SHA256

    def read(self) -> Mapping[str, bytes]:
        """Return the content of the model's files by name.

        Raises:
            RecognitionNotInstalled: A file is missing, or the weights are others (RecognitionDamaged).
        """
        try:
            weights = b"".join(path.read_bytes() for path in self.weights)
            tables = {name: (self.tables / name).read_bytes() for name in _SMALL_FILES}
        except OSError as error:
            raise RecognitionDamaged(f"{error.filename}: {error.strerror}; install {RECOGNITION_EXTRA} again") from None
        if hashlib.sha256(weights).hexdigest() != self.sha256:
            found = f"{', '.join(map(str, self.weights))}: not the model with the SHA-256 {self.sha256}"
            raise RecognitionDamaged(f"{found}; install {RECOGNITION_EXTRA} again")
        return {"model.bin": weights, **tables}


def find_recognition(model: Path | None, sha256: str | None = None) -> RecognitionModel:
    """Return where the recognition model is; reads nothing.

    Args:
        model: A folder with a Whisper model for CTranslate2, instead of the packages.
        sha256: The hash of its weights; None for that of Whisper base.

    Raises:
        RecognitionNotInstalled: A package or a file is missing.
    """
    missing = missing_recognition_packages(with_model=model is None)
    if missing:
        raise RecognitionNotInstalled(f"packages {', '.join(missing)} are not installed; install {RECOGNITION_EXTRA}")
    if model is not None:
        lacking = [name for name in ("model.bin", *_SMALL_FILES) if not (model / name).is_file()]
        if lacking:
            raise RecognitionDamaged(f"RENDER_RECOGNITION_MODEL: {model} has no {', '.join(lacking)}")
        return RecognitionModel((model / "model.bin",), model, sha256 or RECOGNITION_SHA256)
    folders = [_package_folder(name) / "data" for name in RECOGNITION_PACKAGES]
    weights = tuple(folder / f"model.bin.part{number}" for number, folder in enumerate(folders, 1))
    lacking = [str(path) for path in (*weights, *(folders[0] / name for name in _SMALL_FILES)) if not path.is_file()]
    if lacking:
        raise RecognitionDamaged(f"{', '.join(lacking)}: missing; install {RECOGNITION_EXTRA} again")
    return RecognitionModel(weights, folders[0])


def _package_folder(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
