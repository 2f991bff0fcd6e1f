"""One worker process, seen from its parent: its pipes, its scratch folder, and how it ended."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Self

from render_service.compositor.processes.limits import child_environment
from render_service.compositor.processes.messages import (
    LENGTH,
    MAX_ANSWER,
    Answer,
    Kind,
    Task,
    decode_answer,
    encode_task,
)


class ProcessDied(Exception):
    """A worker process ended, or broke the protocol, before it answered.

    Args:
        cause: The signal that ended it; None where it exited or broke the protocol.
    """

    def __init__(self, cause: signal.Signals | None) -> None:
        super().__init__(cause.name if cause else "exited")
        self.cause = cause


class WorkerProcess:
    """A worker process that is ready for a task. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, scratch: Path) -> None:
        self._process = process
        self._scratch = scratch
        self._killed = False
        self.tasks = 0
        """How many tasks it has been given."""

    @classmethod
    async def start(
        cls, modules: tuple[str, ...], folder: Path, confined_to: Path | None, readable: tuple[Path, ...] = ()
    ) -> Self:
        """Start a process and wait until it is ready.

        Args:
            modules: What it imports before its first task.
            folder: Where its scratch folder is made.
            confined_to: The only folder that it may change, above `folder`; None leaves files unrestricted.
            readable: Files and folders that it may read, beside that folder and what Python and libraries need.

        Raises:
            ProcessDied: It ended before it was ready.
            OSError: The machine cannot start it.
        """
        scratch = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="process-", dir=folder))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "render_service.compositor.processes.worker_process",
                str(confined_to or ""),
                os.pathsep.join(map(str, readable)),
                *modules,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=child_environment(scratch),
            )
        except OSError:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
            raise
        started = cls(process, scratch)
        try:
            ready = await started.receive()
        except BaseException:
            started.kill()
            raise
        assert ready.kind is Kind.READY
        return started

    @property
    def alive(self) -> bool:
        """Whether it can be given a task."""
        return self._process.returncode is None and not self._killed

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def send(self, task: Task) -> None:
        """Give it a task.

        Raises:
            ProcessDied: It is gone.
        """
        assert self._process.stdin is not None
        self.tasks += 1
        try:
            self._process.stdin.write(encode_task(task))
            await self._process.stdin.drain()
        except ConnectionError:
            raise await self._death() from None

    async def receive(self) -> Answer:
        """Wait for an answer.

        Raises:
            ProcessDied: It is gone, or sends what no process of ours sends.
        """
        assert self._process.stdout is not None
        try:
            (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
            content = await self._process.stdout.readexactly(min(length, MAX_ANSWER))
            return decode_answer(content)  # one that is cut off is no answer
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._death() from None
        except ValueError:
            self.kill()
            raise ProcessDied(None) from None

    async def _death(self) -> ProcessDied:
        """Wait for the end of a process whose pipe is closed, and return what ended it."""
        code = await self._process.wait()
        return ProcessDied(signal.Signals(-code) if code < 0 else None)

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def gone(self) -> None:
        """Wait until it has ended and its pipes are closed, and remove its scratch folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        while await self._process.stdout.read(64 * 1024):
            pass
        await self._process.wait()
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)
