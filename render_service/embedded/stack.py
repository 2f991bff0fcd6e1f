"""The whole system on this machine: Postgres, Valkey, one server and one worker, all ending with this process."""

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from render_service.db.migrate import upgrade
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.postgres import EmbeddedPostgres
from render_service.embedded.process import ProcessFailed, SupervisedProcess, is_locked
from render_service.embedded.valkey import EmbeddedValkey
from render_service.runtime.health_probe import is_serving

_POLL_SECONDS = 0.05
_READY_SECONDS = 60.0
# Longer than the service's own grace, so that it ends by itself and its log says how.
_STOP_GRACE = timedelta(seconds=15)


class Stack:
    """The service with all it needs, its data, objects and logs below one folder, which may be kept between runs.

    Args:
        data_dir: its folder; created if absent. Logs lie in it as `server.log` and `worker.log`, those of the run
            before as `….log.previous`.
        port: port of the gRPC server on 127.0.0.1; a free one is chosen where it is `None`.
        http_port: port of the gateway to HTTP on 127.0.0.1; there is none where it is `None`.
        environment: settings for server and worker beside those that the stack decides itself.
        durable: False trades Postgres' safety against power loss for speed; still safe against killed processes.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        http_port: int | None = None,
        environment: Mapping[str, str] | None = None,
        durable: bool = True,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.postgres = EmbeddedPostgres(self.data_dir / "postgres", durable=durable)
        self.valkey = EmbeddedValkey(self.data_dir / "valkey", persist=True)
        self.target = f"{LOOPBACK}:{port or free_port()}"
        """Where the gRPC server listens, as host:port."""
        self.http_url = f"http://{LOOPBACK}:{http_port}" if http_port else ""
        """Base URL of the gateway to HTTP; empty where there is none."""
        self._extra = dict(environment or {})
        if http_port:
            self._extra["RENDER_HTTP_LISTEN"] = f"{LOOPBACK}:{http_port}"
        self._processes: dict[str, SupervisedProcess] = {}

    @staticmethod
    def is_in_use(data_dir: Path) -> bool:
        """Whether a stack is running on this data."""
        return is_locked(data_dir / "server.lock") or is_locked(data_dir / "worker.lock")

    @property
    def settings(self) -> dict[str, str]:
        """The service's settings in this stack, as environment variables; known once Postgres was started."""
        return {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "STORAGE_URL": (self.data_dir / "objects").as_uri(),
            "RENDER_LISTEN": self.target,
            "RENDER_WORK_DIR": str(self.data_dir / "work"),
            **self._extra,
        }

    @property
    def server(self) -> SupervisedProcess:
        """The gRPC server's process."""
        return self._process("server")

    @property
    def worker(self) -> SupervisedProcess:
        """The worker's process."""
        return self._process("worker")

    async def start(self) -> None:
        """Start everything; returns when the server serves and the worker takes jobs.

        Raises:
            ProcessFailed: a part did not start; the message shows the end of its log.
        """
        try:
            await self.start_stores()
            await asyncio.to_thread(upgrade, self.postgres.url)
            await asyncio.gather(self.start_server(), self.start_worker())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, the service before its stores. Harmless for what is not running."""
        await asyncio.gather(*(process.stop() for process in self._processes.values()))
        await asyncio.gather(self.postgres.stop(), self.valkey.stop())

    async def start_stores(self) -> None:
        """Start Postgres and Valkey, both at once."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.gather(self.postgres.start(), self.valkey.start())

    async def start_server(self) -> None:
        """Start the gRPC server, also again after its end; returns when its health says SERVING."""
        process = await self._start("server", "serve", {})
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while not await is_serving(self.target, timeout_seconds=1):
            await self._pause(process, deadline)

    async def start_worker(self) -> None:
        """Start the worker, also again after its end; returns when it takes jobs."""
        ready = self.data_dir / "worker.ready"
        ready.unlink(missing_ok=True)
        process = await self._start("worker", "work", {"RENDER_READY_FILE": str(ready)})
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while not ready.exists():
            await self._pause(process, deadline)

    async def first_end(self) -> ProcessFailed:
        """Wait until server or worker ends although nobody stopped it; returns the error to show."""
        while True:
            for process in self._processes.values():
                if not process.running:
                    return process.failure("ended")
            await asyncio.sleep(10 * _POLL_SECONDS)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _process(self, name: str) -> SupervisedProcess:
        if name not in self._processes:
            raise ProcessFailed(f"the {name} was not started")
        return self._processes[name]

    async def _start(self, name: str, command: str, settings: Mapping[str, str]) -> SupervisedProcess:
        log = self.data_dir / f"{name}.log"
        if name not in self._processes and log.exists():
            log.rename(log.with_name(f"{name}.log.previous"))
        process = SupervisedProcess(
            f"the {name}",
            [sys.executable, "-m", "render_service", command],
            log=log,
            environment={**os.environ, **self.settings, **settings},
            lock=self.data_dir / f"{name}.lock",
            stop_grace=_STOP_GRACE,
        )
        if name in self._processes:
            await self._processes[name].stop()
        self._processes[name] = process
        await process.start()
        return process

    async def _pause(self, process: SupervisedProcess, deadline: float) -> None:
        """Wait a little for a process to become ready, or say that it will not."""
        if not process.running:
            raise process.failure("did not start")
        if asyncio.get_running_loop().time() > deadline:
            raise process.failure(f"was not ready after {_READY_SECONDS:.0f} s")
        await asyncio.sleep(_POLL_SECONDS)
