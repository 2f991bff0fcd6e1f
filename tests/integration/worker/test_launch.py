"""A worker that is told to stop while it starts leaves nothing behind."""

import asyncio
import os
import signal
import threading
from pathlib import Path
from unittest.mock import patch

from render_service.compositor.processes.pool import ProcessPool
from render_service.config.settings import Settings
from render_service.worker import launch


async def test_a_worker_stops_while_it_is_still_being_loaded(tmp_path: Path) -> None:
    loading, started, pools = threading.Event(), asyncio.Event(), list[ProcessPool]()

    class Pool(ProcessPool):
        async def start(self) -> None:
            pools.append(self)
            await super().start()
            started.set()

    settings = Settings(work_dir=tmp_path / "work", compose_processes=1)
    with (
        patch.object(launch, "import_module", lambda _: loading.wait(60)),
        patch.object(launch, "ProcessPool", Pool),
    ):
        worker = asyncio.create_task(launch.launch_worker(settings))
        try:
            async with asyncio.timeout(60):
                await started.wait()
                os.kill(os.getpid(), signal.SIGTERM)
                await worker
        finally:
            loading.set()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(number)
    assert [pool.pids for pool in pools] == [()]
    assert not list((tmp_path / "work").glob("worker-*"))
