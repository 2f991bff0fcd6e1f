"""Makes files of a local object store survive a power failure."""

import contextlib
import os
from pathlib import Path


def sync_to_disk(folder: Path, key: str) -> None:
    """Flush an object and the folders above it to disk; an object deleted meanwhile is ignored.

    Args:
        folder: Root of the local object store.
        key: The object's key.

    Raises:
        OSError: The disk failed.
    """
    path = folder / key
    depth = len(Path(key).parts)
    for each in (path, *list(path.parents)[:depth]):  # the file and each parent folder, which may be new
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
