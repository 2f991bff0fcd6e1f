"""Servers and workers as processes of their own, each reached, and reaching its stores, through proxies of its own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from render_service.db.migrate import upgrade
from render_service.embedded import EmbeddedPostgres, EmbeddedValkey
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.process import SupervisedProcess
from render_service.runtime.health_probe import is_serving
from tests.robustness.proxy import Proxy

_POLL_SECONDS = 0.05
# A process whose wall clock is set by a file: read at each call, so that it can jump while the process runs.
_SITE = '''
"""Shifts this process's wall clock by the seconds that the file CLOCK_SHIFT holds."""
import os, time
_time, _time_ns, _file = time.time, time.time_ns, os.environ["CLOCK_SHIFT"]
def _shift():
    try:
        with open(_file) as shift:
            return float(shift.read() or 0)
    except (OSError, ValueError):
        return 0.0
time.time = lambda: _time() + _shift()
time.time_ns = lambda: _time_ns() + int(_shift() * 1e9)
'''


class Role(StrEnum):
    """The two entries of the service."""

    SERVER = "serve"
    WORKER = "work"


class Member:
    """One process of the service with its proxies.

    Args:
        name: As its log is named.
        role: What it is.
        folder: Where its log lies.
        postgres: To Postgres.
        redis: To Valkey.
        settings: Its environment beside what this class decides.
    """

    def __init__(
        self, name: str, role: Role, folder: Path, *, postgres: Proxy, redis: Proxy, settings: Mapping[str, str]
    ) -> None:
        self.name = name
        self.role = role
        self.postgres = postgres
        self.redis = redis
        self.listen = free_port()
        self.front = Proxy(self.listen)
        self.frozen = False
        self.kept = True
        """Whether it is started again when it ends."""
        self.ready_file = folder / f"{name}.ready"
        self.log = folder / f"{name}.log"
        self.process = SupervisedProcess(
            name,
            [sys.executable, "-m", "render_service", role],
            log=self.log,
            environment={
                **os.environ,
                **settings,
                "RENDER_LISTEN": f"{LOOPBACK}:{self.listen}",
                "RENDER_READY_FILE": str(self.ready_file),
            },
            stop_grace=timedelta(seconds=15),
        )

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        """All its proxies."""
        return (self.postgres, self.redis, self.front)

    async def start(self) -> None:
        """Start the process; returns when it has one, not when it is ready."""
        self.ready_file.unlink(missing_ok=True)
        self.frozen = False
        await self.process.start()

    async def is_ready(self) -> bool:
        """Whether it serves, or takes jobs."""
        if not self.process.running:
            return False
        if self.role is Role.SERVER:
            return await is_serving(f"{LOOPBACK}:{self.listen}", timeout_seconds=1)
        return self.ready_file.exists()

    async def until_ready(self, seconds: float = 60) -> None:
        """Wait until it serves, or takes jobs."""
        async with asyncio.timeout(seconds):
            while not await self.is_ready():
                await asyncio.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()

    def freeze(self) -> None:
        """SIGSTOP it."""
        if not self.frozen and self.process.running:
            self.frozen = True
            self.process.freeze()

    def thaw(self) -> None:
        """SIGCONT it."""
        if self.frozen:
            self.frozen = False
            self.process.thaw()

    async def terminate(self) -> None:
        """SIGTERM it, and wait until it has ended."""
        self.kept = False
        await self.process.stop()
        self.kept = True


class Cluster:
    """Postgres, Valkey, servers and workers.

    Args:
        folder: For all data; its path is short, for the sake of Unix sockets.
        servers: How many servers.
        workers: How many workers.
        settings: Environment of all servers and workers.
        shifted_clock: Whether the last worker has a wall clock that `shift_clock` sets.
    """

    def __init__(
        self,
        folder: Path,
        *,
        servers: int = 1,
        workers: int = 1,
        settings: Mapping[str, str] | None = None,
        shifted_clock: bool = False,
    ) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        self.valkey = EmbeddedValkey(folder / "valkey", persist=True)
        self.members: list[Member] = []
        self._counts = {Role.SERVER: servers, Role.WORKER: workers}
        self._settings = dict(settings or {})
        self._shifted_clock = shifted_clock
        self._clock = folder / "clock"
        self._stack = AsyncExitStack()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def servers(self) -> list[Member]:
        """The servers."""
        return [member for member in self.members if member.role is Role.SERVER]

    @property
    def workers(self) -> list[Member]:
        """The workers."""
        return [member for member in self.members if member.role is Role.WORKER]

    @property
    def objects(self) -> Path:
        """Where the object store lies."""
        return self.folder / "objects"

    def target(self, first: int = 0) -> str:
        """Return the servers' proxies as gRPC's address, beginning with one; the next serve where it is lost."""
        ports = [server.front.port for server in self.servers]
        ports = ports[first % len(ports) :] + ports[: first % len(ports)]
        return "ipv4:" + ",".join(f"{LOOPBACK}:{port}" for port in ports)

    def shift_clock(self, seconds: float) -> None:
        """Set the wall clock of the last worker so much ahead."""
        self._clock.write_text(str(seconds))

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stack.push_async_callback(self.postgres.stop)
        self._stack.push_async_callback(self.valkey.stop)
        await asyncio.gather(self.postgres.start(), self.valkey.start())
        await asyncio.to_thread(upgrade, self.postgres.url)
        for role, count in self._counts.items():
            for index in range(count):
                self.members.append(await self._make(role, index, last=index == count - 1))
        for member in self.members:
            self._stack.push_async_callback(member.process.stop)
        await asyncio.gather(*(member.start() for member in self.members))
        await asyncio.gather(*(member.until_ready() for member in self.members))
        self._keeper = asyncio.create_task(self._keep())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for member in self.members:
            with contextlib.suppress(Exception):
                member.thaw()
        # All at once: each may take its time to hand over.
        await asyncio.gather(*(member.process.stop() for member in self.members))
        await self._stack.aclose()

    async def _make(self, role: Role, index: int, *, last: bool) -> Member:
        postgres = await self._stack.enter_async_context(Proxy(self.postgres.port, postgres=True))
        redis = await self._stack.enter_async_context(Proxy(self.valkey.port))
        name = f"{'server' if role is Role.SERVER else 'worker'}-{index + 1}"
        settings = {
            "DATABASE_URL": self.postgres.url.replace(f":{self.postgres.port}/", f":{postgres.port}/"),
            "REDIS_URL": f"redis://{LOOPBACK}:{redis.port}/0",
            "STORAGE_URL": self.objects.as_uri(),
            "RENDER_WORK_DIR": str(self.folder / "work"),
            "RENDER_AUTH": "off",
            "RENDER_COMPOSE_PROCESSES": "1",
            **self._settings,
        }
        if self._shifted_clock and role is Role.WORKER and last:
            site = self.folder / "site"
            site.mkdir(exist_ok=True)
            (site / "sitecustomize.py").write_text(_SITE)
            path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
            settings |= {"PYTHONPATH": path, "CLOCK_SHIFT": str(self._clock)}
        member = Member(name, role, self.folder, postgres=postgres, redis=redis, settings=settings)
        await self._stack.enter_async_context(member.front)
        return member

    async def _keep(self) -> None:
        """Start ended processes again, as any supervisor does."""
        while True:
            for member in self.members:
                if member.kept and not member.frozen and not member.process.running:
                    await member.start()
            await asyncio.sleep(_POLL_SECONDS)
