"""The scratch folder of a worker process; what killed processes left behind is removed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "worker-"
_LOCK = "lock"


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Lend a folder of this process's own, mode 0700; it is locked for as long as the process lives.

    Args:
        parent: Where the folders of all workers of this machine are.
    """
    parent.mkdir(parents=True, exist_ok=True)
    # One at a time: a folder that is not locked yet must not look left behind to a worker that starts just then.
    with (parent / _LOCK).open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        _remove_left_behind(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = (folder / _LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    with lock:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind(parent: Path) -> None:
    for folder in parent.glob(_PREFIX + "*"):
        with suppress(OSError):
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
