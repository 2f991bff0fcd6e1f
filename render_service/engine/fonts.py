"""Fetches the uploaded fonts that a render draws with."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

from render_service.domain.brand.fonts import PinnedFont
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.storage.store import ObjectStore


async def fetch_fonts(fonts: Sequence[PinnedFont], store: ObjectStore, folder: Path) -> dict[str, Path]:
    """Fetch the files of fonts into a folder, which exists, and return them by their SHA-256.

    Raises:
        RenderFailure: FILE_LOST: one is missing from the object store, or has other content than when it was uploaded.
        StorageUnavailable: The store failed.
    """
    found = {}
    for font in fonts:
        path = folder / f"font-{font.sha256}"
        if not await store.fetch_to(font.key, path) or await asyncio.to_thread(_sha256, path) != font.sha256:
            raise RenderFailure(
                ErrorReason.FILE_LOST,
                "a font of the project is missing from the object store, or damaged; upload it again, and render again",
                {"file": font.key},
            )
        found[font.sha256] = path
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
