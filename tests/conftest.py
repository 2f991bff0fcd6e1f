"""The real servers that tests run against: Postgres, Valkey and S3, started once, with fresh contents for each test."""

import asyncio
import gc
import os
import signal
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from redis import Redis

from render_service.db.migrate import upgrade
from render_service.embedded import EmbeddedPostgres, EmbeddedValkey
from render_service.embedded.stack import Stack
from tests.programs import program
from tests.seaweedfs import S3Server, S3TestBucket
from tests.shared_servers import TEMPLATE, SharedServers, shared_postgres, shared_s3

# The tests share their machine: how long an example takes says nothing of the product.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

_SERVERS = pytest.StashKey[SharedServers]()
_ADDRESS = "shared_servers"


def pytest_configure(config: pytest.Config) -> None:
    """Let this process and those that it starts cache bytecode. Many containers forbid it: each would compile anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # Shells start background jobs with it ignored. Commands that tests interrupt would inherit that, and never end.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Half of the time of a collection of 6,000 tests would be spent on searching for garbage among what stays.
    gc.disable()
    if not hasattr(config, "workerinput"):
        config.stash[_SERVERS] = SharedServers()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist where to ask for servers."""
    node.workerinput[_ADDRESS] = node.config.stash[_SERVERS].address


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, also where the run was interrupted."""
    if (servers := config.stash.get(_SERVERS, None)) is not None:
        servers.stop()


def pytest_collection_finish() -> None:
    """Search for garbage again, except among all modules and tests, which stay to the end."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that speak where the extra `speech` holds nothing."""
    if sys.version_info < (3, 13):
        return
    mute = [item for item in items if item.get_closest_marker("speech")]
    config.hook.pytest_deselected(items=mute)
    items[:] = [item for item in items if item not in mute]


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """A folder for the servers' data; its path is short, for the sake of Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def servers_address(pytestconfig: pytest.Config) -> str:
    """Where to ask for the servers that all processes share."""
    if hasattr(pytestconfig, "workerinput"):
        return str(pytestconfig.workerinput[_ADDRESS])
    return pytestconfig.stash[_SERVERS].address


@pytest.fixture(scope="session")
def postgres_server(servers_address: str) -> EmbeddedPostgres:
    """The Postgres that all tests of all processes share; a test that kills or freezes one takes `own_postgres`."""
    return shared_postgres(servers_address)


@pytest.fixture(scope="session")
def valkey_server(servers_dir: Path) -> Iterator[EmbeddedValkey]:
    """The Valkey that the tests of this process share; a test that kills or freezes one takes `own_valkey`.

    Each process has its own, which costs 60 ms: channels know no databases, and so would reach the others' tests.
    """
    server = EmbeddedValkey(servers_dir / "valkey")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def s3_server(servers_address: str) -> S3Server:
    """The S3 that all tests of all processes share."""
    return shared_s3(servers_address)


def _database_of_its_own(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        identifier = sql.Identifier(name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(identifier, sql.Identifier(template)),
        )
        yield server.url_of(name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database of the test's own with the newest schema and no rows, as DATABASE_URL."""
    yield from _database_of_its_own(postgres_server, TEMPLATE)


@pytest.fixture
def own_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database of the test's own with the newest schema, which it may damage."""
    yield from _database_of_its_own(postgres_server, TEMPLATE)


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database of the test's own without any schema, as DATABASE_URL."""
    yield from _database_of_its_own(postgres_server, "template1")


@pytest.fixture
def redis_url(valkey_server: EmbeddedValkey) -> str:
    """The shared Valkey with no data in it, as REDIS_URL."""
    with Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture
def s3(s3_server: S3Server) -> S3TestBucket:
    """A bucket of the test's own."""
    return S3TestBucket(f"test-{uuid4().hex}", s3_server.options, s3_server.environment)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A running Postgres of the test's own with the newest schema in `url`, to be killed, frozen and restarted."""
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    asyncio.run(server.start())
    upgrade(server.url)
    yield server
    asyncio.run(server.stop())


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A running Valkey of the test's own, to be killed, frozen, wiped and restarted; it keeps its data."""
    server = EmbeddedValkey(tmp_path / "valkey", persist=True)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole service, server and worker as processes, open to callers without keys; shared by all tests."""
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        settings = {
            "RENDER_AUTH": "off",
            "RENDER_MOCK_DELAY": "0",
            "RENDER_COMPOSE_PROCESSES": "1",
            "RENDER_WEBHOOK_KEYS": b64encode(bytes(32)).decode(),
            "RENDER_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        }
        stack = Stack(Path(folder), environment=settings, durable=False)
        asyncio.run(stack.start())
        yield stack
        asyncio.run(stack.stop())


@pytest.fixture(scope="session")
def grpcurl() -> str:
    """The path of a real grpcurl."""
    return program("grpcurl")
