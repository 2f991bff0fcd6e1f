"""Things for worker processes to do."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from render_service.domain.errors import ErrorReason, RenderFailure

PARENT_PROGRAM = """
import asyncio, pathlib, sys
from render_service.compositor.processes.pool import ProcessPool

async def main():
    pool = ProcessPool(2)
    await pool.start()
    pathlib.Path(sys.argv[1]).write_text(" ".join(map(str, pool.pids)) + "\\n")
    await asyncio.Event().wait()

asyncio.run(main())
"""


def square(number: int) -> int:
    """Return the square."""
    return number * number


def print_and_return(text: str) -> str:
    """Print to standard output, where answers go."""
    print(text * 1000)
    os.write(1, b"raw")
    return text


def count_to(most: int, report: Callable[[int], None]) -> int:
    """Report every number."""
    for number in range(1, most + 1):
        report(number)
    return most


def fail_with_reason() -> None:
    """Fail as the compositor does."""
    raise RenderFailure(ErrorReason.ASSET_INVALID, "the picture is broken", {"shot_id": "one"})


def divide_by_zero() -> float:
    """Fail as nobody foresaw."""
    return 1 / 0


def busy_for_ever(note: Path) -> None:
    """Write down the process' id, and never give the processor back."""
    note.write_text(str(os.getpid()))
    while True:
        pass


def die() -> None:
    """End the process as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_the_first_time(note: Path) -> str:
    """Die, unless it was done before."""
    if note.exists():
        return "done"
    note.touch()
    die()
    return "never"
