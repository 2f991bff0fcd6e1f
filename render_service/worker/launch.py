"""Launches a worker: its compose processes start on other cores while the worker itself is loaded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path

from render_service.compositor.processes.pool import ProcessPool
from render_service.compositor.tasks import PROCESS_MODULES
from render_service.config.settings import ConfigurationError, Settings
from render_service.worker.scratch import scratch_folder


async def launch_worker(settings: Settings) -> None:
    """Run a worker until it is stopped; see `worker.run_worker`.

    Args:
        settings: The service's configuration.

    Raises:
        ConfigurationError: there can be no such object store, scratch folder or ready file.
        TaskFailed: a background task failed: a bug.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_folder(settings.work_dir))
        except OSError as error:
            fault = f"RENDER_WORK_DIR: {settings.work_dir} cannot be used: {error.strerror}"
            raise ConfigurationError(fault) from None
        async with _processes(settings.compose_processes, folder) as pool:
            from render_service.worker.worker import run_worker  # noqa: PLC0415 - loaded by now

            await run_worker(settings, folder, pool)


@asynccontextmanager
async def _processes(count: int, folder: Path) -> AsyncIterator[ProcessPool]:
    """Yield processes that are ready, with the worker's own modules loaded meanwhile."""
    pool = ProcessPool(count, PROCESS_MODULES, folder)
    try:
        # In a thread, so that the loop can start the processes first.
        await asyncio.gather(pool.start(), asyncio.to_thread(import_module, "render_service.worker.worker"))
        yield pool
    finally:
        await pool.close()
