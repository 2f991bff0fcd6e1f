"""Values read from files and reloaded when the files are replaced: certificates, and the map of their subjects."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_LOOK_SECONDS = 1.0

_Value = TypeVar("_Value")


class ReloadingFile(Generic[_Value]):
    """A value read from files. Thread-safe, and cheap enough for every connection.

    Unreadable or invalid files leave the value unchanged: a half-written replacement must not stop the service.

    Args:
        what: What it is, for the log.
        files: The files.
        read: Reads them.

    Raises:
        OSError, ValueError: `read` raised it, the first time.
    """

    def __init__(self, what: str, files: Sequence[Path], read: Callable[[], _Value]) -> None:
        self._what = what
        self._files = tuple(files)
        self._read = read
        self._lock = threading.Lock()
        self._seen = self._look()
        self._looked_at = time.monotonic()
        self._value = read()

    def get(self) -> _Value:
        """Return the current value; files are checked at most once a second."""
        with self._lock:
            if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                self._looked_at = time.monotonic()
                self._reload()
            return self._value

    def _reload(self) -> None:
        try:
            seen = self._look()
            if seen == self._seen:
                return
            self._value = self._read()
        except (OSError, ValueError) as error:
            # Checked again: a writer may be half-way through.
            _log.error("cannot reload; going on with what was read before", what=self._what, error=str(error))
            return
        self._seen = seen
        _log.info("reloaded", what=self._what)

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        found = [file.stat() for file in self._files]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in found)
