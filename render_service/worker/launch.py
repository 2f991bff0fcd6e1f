"""Launches a worker: its compose processes start on other cores while the worker itself is loaded."""

import asyncio
from contextlib import ExitStack
from importlib import import_module

from render_service.compositor.processes.pool import ProcessPool
from render_service.compositor.task_group import task_group
from render_service.compositor.tasks import PROCESS_MODULES
from render_service.config.settings import ConfigurationError, Settings
from render_service.runtime.stopping import finishes_before, stop_event
from render_service.worker.scratch import scratch_folder


async def launch_worker(settings: Settings) -> None:
    """Run a worker until it is stopped; see `worker.run_worker`.

    Args:
        settings: The service's configuration.

    Raises:
        ConfigurationError: there can be no such object store, scratch folder or ready file.
        TaskFailed: a background task failed: a bug.
    """
    stop = stop_event()
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_folder(settings.work_dir))
        except OSError as error:
            fault = f"RENDER_WORK_DIR: {settings.work_dir} cannot be used: {error.strerror}"
            raise ConfigurationError(fault) from None
        pool = ProcessPool(settings.compose_processes, PROCESS_MODULES, folder)
        try:
            if await finishes_before(stop, _load(pool)):
                from render_service.worker.worker import run_worker  # noqa: PLC0415 - loaded by now

                await run_worker(settings, folder, pool, stop)
        finally:
            await pool.close()


async def _load(pool: ProcessPool) -> None:
    """Start the processes, and load the worker's own modules meanwhile."""
    async with task_group() as group:
        group.create_task(pool.start())
        # In a thread, so that the loop can start the processes first.
        group.create_task(asyncio.to_thread(import_module, "render_service.worker.worker"))
