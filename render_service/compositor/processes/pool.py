"""Warm worker processes for work that keeps a core busy; a task that is cancelled is killed, whatever it is doing."""

import asyncio
import logging
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.compositor.processes.limits import RENDERING, TaskLimits
from render_service.compositor.processes.messages import Answer, Kind, Task, decode_result
from render_service.compositor.processes.process import ProcessDied, WorkerProcess
from render_service.compositor.processes.slots import Slots
from render_service.domain.errors import ErrorReason, RenderFailure

P = ParamSpec("P")
R = TypeVar("R")

# How often a task is started if its process dies.
_LIVES = 3
# Signals by which a process ends itself: a crash of the code that it runs.
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How a task is run.

    Args:
        limits: What it may use.
        asset: The one file of the caller that it decodes: what the decoder does is blamed on it. None where a task
            reads none, or several.
        work: What exceeds the limits in the words of a message, where no asset does.
        remedy: What the caller can do about it.
    """

    limits: TaskLimits = RENDERING
    asset: Asset | None = None
    work: str = "composing"
    remedy: str = "make the output smaller"


class Share:
    """One render's part in a pool: it is entitled to one process at once, and shares the others with all renders.

    So a render with long tasks never blocks another: if all processes are busy, one more is started for a render that
    has none.
    """

    def __init__(self, pool: "ProcessPool") -> None:
        self._pool = pool

    @property
    def width(self) -> int:
        """How many tasks can usefully be given to it at once: one more than run, so that no process waits."""
        return self._pool.size + 1

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function of a module in a worker process; see `run_with`."""
        assert not kwargs
        return await self.run_with(TaskOptions(), function, *args)

    async def run_with(
        self,
        options: TaskOptions,
        function: Callable[..., R],
        *args: Any,
        on_report: Callable[[Any], None] | None = None,
    ) -> R:
        """Run a function of a module in a worker process.

        When the waiting task is cancelled the process is killed within a moment and replaced. A process that dies is
        replaced and the function runs again elsewhere, so running it twice must do no harm.

        Args:
            options: How it is run.
            function: What to run. Its arguments must be picklable, and small: they are pickled on the event loop. Its
                result must be what pydantic reads back from JSON, as its annotation says.
            args: Its arguments; with `on_report` it also gets a function to report progress with.
            on_report: Receives what the function reports: JSON values.

        Returns:
            What the function returned.

        Raises:
            RenderFailure: What the function raised. ASSET_INVALID where decoding the options' asset exceeds its limits
                or crashes; COMPOSE_FAILED where anything else goes wrong, a fault of the worker where its process was
                killed or could not be started, but not where it crashed every time: so it would on other workers.
        """
        task = Task(function, args, on_report is not None, options.limits)
        crashes: list[signal.Signals | None] = []
        for _ in range(_LIVES):
            async with self._pool.slots.held(self):
                try:
                    async with self._pool.process() as process:
                        answer = await _converse(process, task, on_report)
                        if answer.kind is Kind.OUT_OF_MEMORY and process.tasks > 1:
                            # Earlier tasks may have left their memory behind: what counts is a fresh process.
                            process.kill()
                            continue
                        result: R = _result(answer, function, options)
                        return result
                except ProcessDied as death:
                    _log.warning("a worker process died (%s) while it ran %s", death, function.__qualname__)
                    if death.cause is signal.SIGXCPU:
                        raise _out_of_time(options) from None
                    crashes.append(death.cause)
                except OSError as error:
                    _log.warning("a worker process could not be started: %s", error)
        if options.asset is not None and crashes and crashes[-1] in _CRASHES:
            raise options.asset.invalid(AssetFault.TRUNCATED, "the file crashes its decoder; export it again")
        crash = crashes[-1] if len(crashes) == _LIVES and _CRASHES.issuperset(crashes) else None
        if crash is not None:
            what = f"{options.work} crashed {_LIVES} times ({crash.name}), perhaps for lack of memory; {options.remedy}"
            raise RenderFailure(ErrorReason.COMPOSE_FAILED, what, retryable=True)
        raise _worker_fault("the worker process died repeatedly, perhaps for lack of memory")


class ProcessPool:
    """Worker processes, and the shares of those who use them.

    Args:
        processes: How many; one a core is right for encoding.
        modules: Modules that every process imports before its first task, so that the first task is not slower.
        folder: The only folder that the processes may change: their scratch folders and all files of tasks are below
            it. None makes the scratch folders below the system's temporary folder, and leaves files unrestricted.
        readable: Files and folders that the processes may read as well.
        on_start: Is called for each process that is started.
    """

    def __init__(
        self,
        processes: int,
        modules: tuple[str, ...] = (),
        folder: Path | None = None,
        *,
        readable: tuple[Path, ...] = (),
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        assert processes >= 1
        self._on_start = on_start
        self.size = processes
        self._modules = modules
        self._parent_folder = folder
        self._readable = readable
        self._folder: Path | None = None
        self.slots = Slots(processes)
        """Held by the tasks that run."""
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._replacements: set[asyncio.Task[None]] = set()
        self._none_busy = asyncio.Event()
        self._none_busy.set()
        self._closed = False

    async def start(self) -> None:
        """Start the processes and wait until they are ready."""
        await asyncio.gather(*(self._add() for _ in range(self.size)))

    async def close(self) -> None:
        """Kill the processes and wait until they have ended."""
        self._closed = True
        for process in (*self._idle, *self._busy):
            process.kill()
        await asyncio.gather(*(process.gone() for process in self._idle))
        self._idle.clear()
        # Tasks that still run notice that their process is gone; processes that are just starting or ending finish.
        await self._none_busy.wait()
        await asyncio.gather(*self._replacements, return_exceptions=True)
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that are alive."""
        return tuple(process.pid for process in (*self._idle, *self._busy) if process.alive)

    @property
    def busy(self) -> int:
        """How many processes have a task."""
        return len(self._busy)

    def end_idle(self) -> None:
        """End the processes without a task; the next task starts one."""
        for process in self._idle:
            process.kill()

    def share(self) -> Share:
        """Return a share for a render."""
        return Share(self)

    @asynccontextmanager
    async def process(self) -> AsyncIterator[WorkerProcess]:
        """Use a process for one task, which must hold a slot. It is killed where the task does not end by itself.

        Raises:
            RenderFailure: COMPOSE_FAILED: the pool is closed.
            ProcessDied: No process becomes ready.
            OSError: The machine cannot start one.
        """
        if self._closed:
            raise _worker_fault("the worker is shutting down")
        process = await self._take()
        try:
            yield process
        except (ProcessDied, asyncio.CancelledError):
            process.kill()
            raise
        finally:
            self._give_back(process)

    async def _take(self) -> WorkerProcess:
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                break
            await process.gone()
        else:
            process = await self._start()
        self._busy.add(process)
        self._none_busy.clear()
        return process

    def _give_back(self, process: WorkerProcess) -> None:
        # Those that were started for renders that had none are kept as well: such a render goes on with its next task.
        if process.alive and not self._closed and len(self._idle) < self.size:
            self._idle.append(process)
        else:
            process.kill()
            replacement = asyncio.get_running_loop().create_task(self._replace(process))
            self._replacements.add(replacement)
            replacement.add_done_callback(self._replacements.discard)
        self._busy.discard(process)
        if not self._busy:
            self._none_busy.set()

    async def _replace(self, dead: WorkerProcess) -> None:
        await dead.gone()
        if not self._closed:
            try:
                await self._add()
            except (ProcessDied, OSError) as error:
                _log.warning("a worker process could not be replaced yet: %s", error)  # the next task starts one

    async def _add(self) -> None:
        process = await self._start()
        # A task may have started one meanwhile, as it found none idle.
        if self._closed or len(self._idle) + len(self._busy) >= self.size:
            process.kill()
            await process.gone()
        else:
            self._idle.append(process)

    async def _start(self) -> WorkerProcess:
        self._on_start()
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="compose-", dir=self._parent_folder))
        return await WorkerProcess.start(self._modules, self._folder, self._parent_folder, self._readable)


async def _converse(process: WorkerProcess, task: Task, on_report: Callable[[Any], None] | None) -> Answer:
    await process.send(task)
    while True:
        answer = await process.receive()
        if answer.kind is not Kind.REPORT:
            return answer
        if on_report is not None:
            on_report(answer.value)


def _result(answer: Answer, function: Callable[..., Any], options: TaskOptions) -> Any:
    """Return what a task returned, or raise what its end means for the options."""
    match answer.kind:
        case Kind.RESULT:
            try:
                return decode_result(function, answer.value)
            except ValueError:
                raise ProcessDied(None) from None
        case Kind.FAILURE if answer.reason in ErrorReason.__members__:
            reason = ErrorReason(answer.reason)
            raise RenderFailure(reason, answer.message, answer.metadata, retryable=answer.retryable)
        case Kind.OUT_OF_MEMORY:
            raise _out_of_memory(options)
        case Kind.MACHINE_FAULT:
            _log.warning("the machine failed a worker process: %s\n%s", answer.message, answer.trace)
            raise _worker_fault(f"the worker's machine failed: {answer.message}")
        case Kind.UNDECODABLE if options.asset is not None:
            _log.warning("undecodable: %s\n%s", answer.message, answer.trace)
            raise options.asset.invalid(AssetFault.TRUNCATED, "the file cannot be decoded; export it again")
    _log.error("work failed in a worker process: %s\n%s", answer.message, answer.trace)
    raise RenderFailure(ErrorReason.COMPOSE_FAILED, f"{options.work} failed ({answer.message})", retryable=True)


def _out_of_memory(options: TaskOptions) -> RenderFailure:
    most = f"{options.limits.memory >> 20:,} MiB of memory"
    if options.asset is not None:
        return options.asset.invalid(AssetFault.TOO_EXPENSIVE, f"decoding it takes more than {most}; make it smaller")
    return RenderFailure(ErrorReason.COMPOSE_FAILED, f"{options.work} takes more than {most}; {options.remedy}")


def _out_of_time(options: TaskOptions) -> RenderFailure:
    most = f"{options.limits.cpu_seconds:,} s of processor time"
    if options.asset is not None:
        return options.asset.invalid(AssetFault.TOO_EXPENSIVE, f"decoding it takes more than {most}; make it simpler")
    return RenderFailure(ErrorReason.COMPOSE_FAILED, f"{options.work} takes more than {most}; {options.remedy}")


def _worker_fault(message: str) -> RenderFailure:
    return RenderFailure(ErrorReason.COMPOSE_FAILED, message, worker_fault=True)
