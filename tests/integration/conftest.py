"""What many integration tests share beyond the servers themselves."""

from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
import structlog
from psycopg import sql

from render_service.db.database import Database
from render_service.db.schema import metadata
from render_service.embedded import EmbeddedPostgres


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
def _shared_database_url(postgres_server: EmbeddedPostgres, _migrated_template: str) -> str:
    name = f"shared_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_migrated_template))
        )
    return postgres_server.url_of(name)


def _empty(url: str) -> str:
    """Delete all rows, which is quicker than to create the database anew."""
    tables = sql.SQL(", ").join(sql.Identifier(table.name) for table in metadata.sorted_tables)
    with psycopg.connect(url, autocommit=True) as connection:
        # A lock that an earlier test still holds is a fault to report, not one to wait for.
        connection.execute("SET lock_timeout = '5s'")
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
    return url


@pytest.fixture
def database_url(_shared_database_url: str) -> str:
    """A database with the newest schema and no rows, as DATABASE_URL."""
    return _empty(_shared_database_url)


@pytest.fixture(scope="module")
def module_database_url(_shared_database_url: str) -> str:
    """The same database, emptied once for all tests of a module; none of them may use `database_url` as well."""
    return _empty(_shared_database_url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool of a database with the newest schema and no rows."""
    database = Database(database_url)
    yield database
    await database.close()
