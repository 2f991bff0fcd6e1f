"""A parent process for tests that kill it, and a look at what is left of all that it started."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from render_service.embedded.supervisor import descendants, processes


class Parent:
    """A Python program that starts things, prints `ready`, and waits for ever.

    Args:
        program: its text.
        folder: its one argument.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        self.family = descendants(self._process.pid)
        """The process ids of all that it had started when it was ready."""
        self.children = [pid for pid, parent in processes() if parent == self._process.pid]
        """Those of them that it started itself."""

    def kill(self) -> None:
        """SIGKILL it."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def left(pids: list[int], *, within: float = 20) -> set[int]:
    """Which of these processes still live after at most this many seconds; returns early when none does."""
    deadline = time.monotonic() + within
    while True:
        alive = {pid for pid, _ in processes()} & set(pids)
        if not alive or time.monotonic() > deadline:
            return alive
        await asyncio.sleep(0.02)
