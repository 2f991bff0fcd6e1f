"""What many integration tests share beyond the servers themselves."""

from collections.abc import AsyncIterator

import pytest

from render_service.db.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool of a database of the test's own, with the newest schema and no rows."""
    database = Database(database_url)
    yield database
    await database.close()
