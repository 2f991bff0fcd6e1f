"""Warm worker processes for work that keeps a core busy; a task that is cancelled is killed, whatever it is doing."""

import asyncio
import contextlib
import logging
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from render_service.compositor.processes.worker_process import LENGTH
from render_service.domain.errors import ErrorReason, RenderFailure

P = ParamSpec("P")
R = TypeVar("R")

# A task that takes its process down this often is given up.
_LIVES = 3

_log = logging.getLogger(__name__)


class _Process:
    """One worker process and the pipe to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._killed = False

    @classmethod
    async def start(cls, modules: tuple[str, ...]) -> "_Process":
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "render_service.compositor.processes.worker_process",
            *modules,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        started = cls(process)
        try:
            await started.receive()
        except BaseException:
            started.kill()
            raise
        return started

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._killed

    @property
    def pid(self) -> int:
        return self._process.pid

    async def send(self, message: object) -> None:
        content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        assert self._process.stdin is not None
        self._process.stdin.write(LENGTH.pack(len(content)) + content)
        await self._process.stdin.drain()

    async def receive(self) -> tuple[str, Any]:
        assert self._process.stdout is not None
        head = await self._process.stdout.readexactly(LENGTH.size)
        content = await self._process.stdout.readexactly(LENGTH.unpack(head)[0])
        kind, value = pickle.loads(content)  # noqa: S301 - written by our own child process
        return kind, value

    def kill(self) -> None:
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def gone(self) -> None:
        """Wait until the process has ended and its pipes are closed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        await self._process.stdout.read()
        await self._process.wait()


class ProcessPool:
    """Runs functions in worker processes, first come first served.

    Args:
        processes: How many; one a core is right for encoding.
        modules: Modules that every process imports before it is given work, so that the first task is not slower.
    """

    def __init__(self, processes: int, modules: tuple[str, ...] = ()) -> None:
        assert processes >= 1
        self.size = processes
        self._modules = modules
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self._nobody_busy = asyncio.Event()
        self._nobody_busy.set()
        self._closed = False

    async def start(self) -> None:
        """Start the processes and wait until they are ready."""
        await asyncio.gather(*(self._add() for _ in range(self.size)))

    async def close(self) -> None:
        """Kill the processes and wait until they are gone."""
        self._closed = True
        for process in (*self._idle, *self._busy):
            process.kill()
        await asyncio.gather(*(process.gone() for process in self._idle))
        self._idle.clear()
        # Tasks that still run notice that their process is gone; what is being started or buried comes to its end.
        await self._nobody_busy.wait()
        await asyncio.gather(*self._errands, return_exceptions=True)

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that are alive."""
        return tuple(process.pid for process in (*self._idle, *self._busy) if process.alive)

    @property
    def busy(self) -> int:
        """How many processes have a task."""
        return len(self._busy)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function of a module in a worker process; see `run_reporting`."""
        assert not kwargs
        result: R = await self._run(function, args, None)
        return result

    async def run_reporting(
        self,
        function: Callable[..., R],
        *args: Any,
        on_report: Callable[[Any], None],
    ) -> R:
        """Run a function of a module in a worker process.

        When the waiting task is cancelled the process is killed within a moment and replaced. A process that dies by
        itself is replaced and the function runs again elsewhere, so it must not mind being begun twice.

        Args:
            function: What to run; it, its arguments and its result must be picklable.
            args: Its arguments; after them it is given a function to report progress with.
            on_report: Is called with whatever the function reports.

        Returns:
            What the function returned.

        Raises:
            RenderFailure: What the function raised; COMPOSE_FAILED where it raised anything else or its process died
                every time.
        """
        result: R = await self._run(function, args, on_report)
        return result

    async def _run(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], on_report: Callable[[Any], None] | None
    ) -> Any:
        for _ in range(_LIVES):
            async with self._slots:
                if self._closed:
                    raise RenderFailure(ErrorReason.COMPOSE_FAILED, "the worker is shutting down", retryable=True)
                process = await self._take()
                try:
                    return await _converse(process, (function, arguments, on_report is not None), on_report)
                except (asyncio.IncompleteReadError, ConnectionError):
                    _log.warning("a worker process died while it ran %s", function.__qualname__)
                    process.kill()
                except asyncio.CancelledError:
                    process.kill()
                    raise
                finally:
                    self._give_back(process)
        raise RenderFailure(
            ErrorReason.COMPOSE_FAILED, "the worker process died repeatedly, perhaps for lack of memory", retryable=True
        )

    async def _take(self) -> _Process:
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                break
            await process.gone()
        else:
            process = await _Process.start(self._modules)
        self._busy.add(process)
        self._nobody_busy.clear()
        return process

    def _give_back(self, process: _Process) -> None:
        if process.alive and not self._closed and len(self._idle) + len(self._busy) <= self.size:
            self._idle.append(process)
        else:
            process.kill()
            errand = asyncio.get_running_loop().create_task(self._replace(process))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)
        self._busy.discard(process)
        if not self._busy:
            self._nobody_busy.set()

    async def _replace(self, dead: _Process) -> None:
        await dead.gone()
        if not self._closed:
            await self._add()

    async def _add(self) -> None:
        process = await _Process.start(self._modules)
        # A task may have started one meanwhile, as it found none idle.
        if self._closed or len(self._idle) + len(self._busy) >= self.size:
            process.kill()
            await process.gone()
        else:
            self._idle.append(process)


async def _converse(process: _Process, question: object, on_report: Callable[[Any], None] | None) -> Any:
    await process.send(question)
    while True:
        kind, value = await process.receive()
        if kind == "result":
            return value
        if kind == "report":
            if on_report is not None:
                on_report(value)
        elif kind == "failure":
            reason, message, metadata, retryable = value
            raise RenderFailure(reason, message, metadata, retryable=retryable)
        else:
            name, trace = value
            _log.error("work failed in a worker process: %s\n%s", name, trace)
            raise RenderFailure(ErrorReason.COMPOSE_FAILED, f"composing failed ({name})", retryable=True)
