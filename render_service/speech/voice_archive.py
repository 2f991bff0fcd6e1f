"""Puts the voices in place, from the archive in which their package is published."""

import hashlib
import os
import subprocess
import tarfile
import tempfile
from base64 import b64decode
from pathlib import Path

from render_service.speech.installation import SpeechNotInstalled, missing_voices

PACKAGE = "kokoro-js@1.2.1"
"""The npm package that holds the voices of Kokoro-82M v1.0, 27 MB; its licence is Apache-2.0."""
_SHA512 = b64decode("oq0HZJWis3t8lERkMJh84WLU86dpYD0EuBPtqYnLlQzyFP1OkyBRDcweAqCfhNOpltyN9j/azp1H6uuC47gShw==")


def install_voices(archive: Path | None, folder: Path) -> int:
    """Extract all voices into a folder; those that are there already are kept.

    Args:
        archive: The archive of `PACKAGE`; None fetches it with npm.
        folder: Where the voices go.

    Returns:
        How many voices were added.

    Raises:
        SpeechNotInstalled: The archive cannot be fetched, or is another one.
        OSError: The folder cannot be written.
    """
    missing = missing_voices(folder)
    if not missing:
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        source = archive or _fetch(Path(temporary))
        with source.open("rb") as file:
            if hashlib.file_digest(file, "sha512").digest() != _SHA512:
                raise SpeechNotInstalled(f"{source.name}: not the archive of {PACKAGE}; fetch it again")
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(source) as package:
            for voice_id in missing:
                content = package.extractfile(f"package/voices/{voice_id}.bin")
                assert content is not None
                # Whole or not at all: workers may start meanwhile.
                partial = folder / f"{voice_id}.partial"
                partial.write_bytes(content.read())
                partial.replace(folder / f"{voice_id}.bin")
    return len(missing)


def _fetch(folder: Path) -> Path:
    command = ["npm", "pack", PACKAGE, "--loglevel", "error", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "CI": "1"})
    except FileNotFoundError:
        raise SpeechNotInstalled(f"npm is not installed; install it, or pass the archive of {PACKAGE}") from None
    except subprocess.CalledProcessError as error:
        raise SpeechNotInstalled(f"npm cannot fetch {PACKAGE}: {error.stderr.strip()[-300:]}") from None
    return next(folder.glob("*.tgz"))
