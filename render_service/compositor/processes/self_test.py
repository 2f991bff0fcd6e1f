"""What a worker process runs to show that the machine can render: it starts, has memory, and can write to disk."""

import os
import tempfile
from pathlib import Path

_BYTES = 8 << 20


def write_and_read(folder: Path) -> int:
    """Write a file of 8 MiB in a folder, read it back and remove it; return its size in bytes.

    Args:
        folder: The scratch folder of the worker.

    Raises:
        OSError: The disk is full, read-only or broken, or returns other bytes than were written.
    """
    content = os.urandom(_BYTES)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="self-test-") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        if file.read() != content:
            raise OSError("the scratch disk returns other bytes than were written")
    return len(content)
