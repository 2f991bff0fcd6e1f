"""Files that several segments of a render use: the first process that needs one makes it."""

import fcntl
from collections.abc import Callable
from pathlib import Path


def made_once(path: Path, make: Callable[[Path], None]) -> Path:
    """Return a file of the render's work folder, made now unless another segment has made it.

    Args:
        path: The file; its name says all that it depends on.
        make: Makes it; the file must appear at once or not at all.
    """
    if path.exists():
        return path
    with path.with_suffix(".lock").open("w") as lock:
        # Segments start together: one makes the file, the others wait. The lock ends with its holder.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make(path)
    return path
