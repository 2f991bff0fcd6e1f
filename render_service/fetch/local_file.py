"""Opens the file that a `file://` URI names, if it is in an allowed folder."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from render_service.domain.machine_faults import is_machine_fault
from render_service.fetch.errors import FetchError, FetchErrorKind
from render_service.fetch.policy import FetchPolicy, file_path


def open_local(uri: str, policy: FetchPolicy) -> BinaryIO:
    """Open a file for reading.

    Args:
        uri: A `file://` URI that passed `check_uri`.
        policy: Names the allowed folders; symbolic links on both sides are resolved.

    Raises:
        FetchError: There is no such regular file, or it is elsewhere.
        OSError: This machine lacks something, or its disk fails.
    """
    path = file_path(uri)
    if path is None:
        raise FetchError(FetchErrorKind.FORBIDDEN, "the URL must name a file as file:///absolute/path")
    try:
        real = _inside(path, policy)
        # Does not follow a link created since, and does not wait for the writer of a pipe.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError) as error:  # a circle of links is a RuntimeError before Python 3.13
        if is_machine_fault(error):
            raise
        raise FetchError(FetchErrorKind.NO_FILE, "there is no readable file at this URL") from error
    opened = os.fstat(descriptor)
    try:
        # Checked again, in case a folder on the way was replaced while opening.
        unchanged = os.path.samestat(opened, _inside(path, policy).stat())
    except (OSError, RuntimeError, FetchError):
        unchanged = False
    if not unchanged or not stat.S_ISREG(opened.st_mode):
        os.close(descriptor)
        raise FetchError(FetchErrorKind.NO_FILE, "there is no readable file at this URL")
    return os.fdopen(descriptor, "rb")


def _inside(path: Path, policy: FetchPolicy) -> Path:
    real = path.resolve(strict=True)
    if not any(real.is_relative_to(root.resolve()) for root in policy.file_roots):
        raise FetchError(FetchErrorKind.FORBIDDEN, "the URL names a file outside the allowed folders")
    return real
