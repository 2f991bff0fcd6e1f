"""Processes that hold a model, such as one that speaks: started when there is work, ended after a while without."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from render_service.compositor.processes.pool import ProcessPool, Share, TaskOptions
from render_service.compositor.segments.ports import SegmentStore

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


class ModelProcesses:
    """Confined processes that load a model once, one for each render that works at the same time.

    One process is kept until there has been no work for a while.

    Args:
        modules: What a process imports before it is confined, which restricts the packages that it can read.
        folder: The only folder that a process may change. None restricts no files.
        readable: The files of the model.
        idle_seconds: How long the process is kept after the last work.
        on_start: Is called when a process starts.
    """

    def __init__(
        self,
        modules: tuple[str, ...],
        folder: Path | None,
        *,
        readable: tuple[Path, ...],
        idle_seconds: float,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = ProcessPool(1, modules, folder, readable=readable, on_start=on_start)
        self._idle_seconds = idle_seconds
        self._working = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether a process with the model is kept."""
        return bool(self._pool.pids)

    @property
    def memory_bytes(self) -> int:
        """The resident memory of the processes."""
        return sum(map(_resident_bytes, self._pool.pids))

    async def close(self) -> None:
        """Stop the processes; their work fails."""
        self._cancel_timer()
        await self._pool.close()

    def share(self) -> Share:
        """Return a render's part of the processes."""
        return self._pool.share()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a piece of work; after the last, the process ends unless another follows in time."""
        self._working += 1
        self._cancel_timer()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._pool.end_idle)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def made_or_stored(
    kind: "TypeAdapter[T]", store: SegmentStore, key: str, path: Path, make: Callable[[], Awaitable[T]]
) -> T:
    """Return a value from the store, or make and store it.

    Args:
        kind: Reads and writes the value as JSON. A stored file that holds something else is made anew.
        store: Where it is looked for, and kept.
        key: Its name in the store.
        path: Where its file goes.
        make: Makes it.
    """
    if await store.get(key, path):
        kept = await asyncio.to_thread(read_stored, kind, path)
        if kept is not None:
            return kept
    made = await make()
    await asyncio.to_thread(path.write_bytes, kind.dump_json(made))
    await store.put(key, path)
    return made


def read_stored(kind: "TypeAdapter[T]", path: Path) -> T | None:
    """Return what is stored; None if the file holds something else."""
    try:
        return kind.validate_json(path.read_bytes())
    except ValueError:
        return None


async def run_reported(
    share: Share,
    options: TaskOptions,
    working: Callable[[], Awaitable[None]],
    function: Callable[..., T],
    *arguments: Any,
) -> T:
    """Run a function in a process of a share; `working` is called with its reports, so that the job counts as alive."""
    breath = asyncio.Event()

    async def pass_on() -> None:
        while True:
            await breath.wait()
            breath.clear()
            await working()

    # Nothing of what the process sends is used but that it sends.
    work = asyncio.create_task(share.run_with(options, function, *arguments, on_report=lambda _: breath.set()))
    passing = asyncio.create_task(pass_on())
    try:
        await asyncio.wait({work, passing}, return_when=asyncio.FIRST_COMPLETED)
        if passing.done():
            passing.result()
        return await work
    finally:
        work.cancel()
        passing.cancel()
        await asyncio.gather(work, passing, return_exceptions=True)


def _resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
