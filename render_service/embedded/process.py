"""One supervised server process: started, watched, stopped, and for the tests killed or frozen.

Independent of any event loop, so that a server started by one loop may be stopped by another.
"""

import asyncio
import fcntl
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from render_service.embedded import supervisor

_POLL_SECONDS = 0.01
_LOG_TAIL_BYTES = 2_000


class ProcessFailed(Exception):
    """A process did not start, or ended unexpectedly; the message ends with the log's last lines."""


def is_locked(lock: Path) -> bool:
    """Whether a supervised process that holds this lock file lives."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


class SupervisedProcess:
    """A command that never outlives this process; see `supervisor` for how.

    Args:
        name: shown in messages.
        argv: the program's absolute path and its arguments; no secrets, they show in process lists.
        log: file to which its output is appended.
        environment: its whole environment; `None` for ours.
        lock: file that lets only one such process live at a time; a second one fails.
        lock_timeout: how long to wait for the clean-up after a parent that was killed just now.
        user: (uid, gid) to run it as, where we are root.
        stop_signal: asks it to end.
        stop_grace: how long it may take to end before it is killed with all it started.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        lock: Path | None = None,
        lock_timeout: timedelta = timedelta(seconds=8),
        user: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_grace: timedelta = timedelta(seconds=10),
    ) -> None:
        self.name = name
        self.log = log
        self._environment = environment
        self._stop_grace = stop_grace
        self._lock_timeout = lock_timeout
        self._spec = supervisor.Spec(
            argv=list(argv),
            log=str(log.absolute()),
            lock=str(lock.absolute()) if lock else None,
            lock_seconds=lock_timeout.total_seconds(),
            stop_signal=int(stop_signal),
            stop_seconds=stop_grace.total_seconds(),
            user=user,
            directory=str(log.absolute().parent),
        )
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._said = b""
        self._frozen: list[int] = []

    @property
    def pid(self) -> int:
        """The command's process id.

        Raises:
            ProcessFailed: it was never started.
        """
        self._listen()
        pid = self._reported("pid")
        if pid is None:
            raise ProcessFailed(f"{self.name} is not running")
        return pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; `None` while it, or anything it started, runs, and before the start."""
        self._listen()
        return self._reported("exit")

    @property
    def running(self) -> bool:
        """Whether the command was started and has not ended."""
        return not self._ended() and self._reported("pid") is not None and self._reported("exit") is None

    async def start(self) -> None:
        """Start the command; returns when it has a process id, not when it is ready.

        Raises:
            ProcessFailed: it could not be started, or another one holds the lock.
        """
        if self._supervisor is not None:
            await self.stop()
        self._said = b""
        self._frozen = []
        self.log.touch(mode=0o600)
        self._supervisor = subprocess.Popen(  # noqa: ASYNC220 - milliseconds; asyncio's would be bound to one loop
            [sys.executable, "-I", "-S", supervisor.__file__, self._spec.encode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            # Ctrl-C in a terminal reaches the whole foreground group; this class decides the order of stopping.
            start_new_session=True,
        )
        assert self._supervisor.stdout is not None
        os.set_blocking(self._supervisor.stdout.fileno(), False)
        timeout = self._lock_timeout.total_seconds() + 10
        await self._until(lambda: self._reported("pid") is not None or self._ended(), timeout)
        if self._reported("pid") is None:
            locked = b"locked" in self._said
            await self.stop()
            reason = "one is already running on the same data" if locked else "its supervisor ended"
            raise ProcessFailed(f"{self.name} did not start: {reason}")

    async def stop(self) -> None:
        """Ask the command to end, kill it if it does not; nothing of it is left on return. Harmless when ended."""
        child = self._supervisor
        if child is None:
            return
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        if not await self._until(self._ended, self._stop_grace.total_seconds() + self._lock_timeout.total_seconds()):
            child.kill()
            await self._until(self._ended, 5)
        self._listen()
        child.stdout.close()
        self._supervisor = None

    async def wait(self) -> int:
        """Wait until the command has ended by itself.

        Returns:
            Its exit code, negative for a signal.
        """
        await self._until(self._ended, math.inf)
        code = self.returncode
        await self.stop()
        if code is None:
            raise ProcessFailed(f"{self.name} was lost: its supervisor ended")
        return code

    def kill(self) -> None:
        """SIGKILL the command itself; the supervisor then kills what it started."""
        supervisor.send(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP the command and all it started: it answers nothing, and its connections stay open."""
        pid = self.pid
        # The parent first, so that it starts nothing more while its children are looked up.
        supervisor.send(pid, signal.SIGSTOP)
        self._frozen = [pid, *supervisor.descendants(pid)]
        for descendant in self._frozen[1:]:
            supervisor.send(descendant, signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze`."""
        for pid in reversed(self._frozen):
            supervisor.send(pid, signal.SIGCONT)
        self._frozen = []

    def failure(self, what: str) -> ProcessFailed:
        """An error that says what happened and shows the end of the log."""
        return ProcessFailed(f"{self.name} {what}; its log ends:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        try:
            text = self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
        except FileNotFoundError:
            return "(empty)"
        return "\n".join(text.splitlines()[-12:])

    def _reported(self, word: str) -> int | None:
        for line in self._said.decode().splitlines():
            key, _, value = line.partition(" ")
            if key == word:
                return int(value)
        return None

    def _listen(self) -> None:
        child = self._supervisor
        if child is None or child.stdout is None or child.stdout.closed:
            return
        try:
            while piece := os.read(child.stdout.fileno(), 4096):
                self._said += piece
        except BlockingIOError:
            return

    def _ended(self) -> bool:
        self._listen()
        return self._supervisor is None or self._supervisor.poll() is not None

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Poll a condition; False if it did not come true in time."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            self._listen()
            if condition():
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
