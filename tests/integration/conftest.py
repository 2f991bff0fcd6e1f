"""What many integration tests share beyond the servers themselves."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
import structlog
from psycopg import sql

from render_service.db.database import Database
from render_service.db.schema import metadata
from render_service.embedded import EmbeddedPostgres
from tests.shared_servers import TEMPLATE

EMPTIER = "emptier of tests"
"""The `application_name` of a connection that is there beside those of a test."""
# Of all tables together; empty ones have some 100 kB.
_LARGE_BYTES = 1_000_000
_RESTART_SEQUENCES = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences"
)


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    # The default draws every local variable of a traceback, which takes longer than many a test.
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )


@pytest.fixture(scope="session")
def _shared_database_url(postgres_server: EmbeddedPostgres) -> str:
    name = f"shared_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
        )
    return postgres_server.url_of(name)


class _Emptier:
    """Deletes all rows of a database, which is quicker than to create it anew.

    It keeps its connection: on a fresh one, Postgres takes ten times as long, as it knows none of the tables yet.

    Args:
        url: Of the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = self._connect()

    def empty(self) -> str:
        """Delete all rows, and return the database's URL."""
        try:
            self._empty()
        except psycopg.OperationalError:
            # Tests cut connections, also this one.
            if not self._connection.closed:
                raise
            self._connection = self._connect()
            self._empty()
        return self._url

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(self._url, autocommit=True, application_name=EMPTIER)
        # A lock that an earlier test still holds is a fault to report, not one to wait for.
        connection.execute("SET lock_timeout = '5s'")
        return connection

    def _empty(self) -> None:
        names = [table.name for table in metadata.sorted_tables]
        tables = sql.SQL(", ").join(map(sql.Identifier, names))
        sizes = sql.SQL(" + ").join(sql.SQL("pg_table_size({})").format(sql.Literal(name)) for name in names)
        with self._connection.transaction():
            self._connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(tables))
            row = self._connection.execute(sql.SQL("SELECT {}").format(sizes)).fetchone()
            assert row is not None
            # TRUNCATE makes new files for every table and index: only tables that have grown are worth it.
            if row[0] > _LARGE_BYTES:
                self._connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
                return
            deletions = [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in reversed(names)]
            self._connection.execute(sql.SQL("; ").join([*deletions, sql.SQL(_RESTART_SEQUENCES)]))


@pytest.fixture(scope="session")
def _emptier(_shared_database_url: str) -> Iterator[_Emptier]:
    emptier = _Emptier(_shared_database_url)
    yield emptier
    emptier.close()


@pytest.fixture
def database_url(_emptier: _Emptier) -> str:
    """A database with the newest schema and no rows, as DATABASE_URL."""
    return _emptier.empty()


@pytest.fixture(scope="module")
def module_database_url(_emptier: _Emptier) -> str:
    """The same database, emptied once for all tests of a module; none of them may use `database_url` as well."""
    return _emptier.empty()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool of a database with the newest schema and no rows."""
    database = Database(database_url)
    yield database
    await database.close()
