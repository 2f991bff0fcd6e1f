"""The repository of API keys: only their hashes are stored."""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.schema import api_keys

_PREFIX = "rk_"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, and the workspaces that caller may use."""

    id: UUID
    name: str
    workspaces: frozenset[str]


class ApiKeys:
    """The API keys in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, workspaces: frozenset[str]) -> str:
        """Make a key and return it; it cannot be shown again.

        Args:
            name: What people call it.
            workspaces: The workspaces it opens.
        """
        key = _PREFIX + secrets.token_urlsafe(32)
        statement = sa.insert(api_keys).values(
            id=uuid4(), name=name, key_hash=_hash(key), workspaces=sorted(workspaces)
        )
        async with self._database.single() as connection:
            await connection.execute(statement)
        return key

    async def find(self, key: str) -> Principal | None:
        """Return whose key this is; None where it is unknown or revoked."""
        statement = sa.select(api_keys.c.id, api_keys.c.name, api_keys.c.workspaces).where(
            api_keys.c.key_hash == _hash(key), api_keys.c.revoked_at.is_(None)
        )
        async with self._database.single() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return Principal(row.id, row.name, frozenset(row.workspaces)) if row is not None else None


async def create_api_key(url: str, name: str, workspaces: frozenset[str]) -> str:
    """Make a key in a database that no process has open yet; as `ApiKeys.create`."""
    database = Database(url, size=1)
    try:
        return await ApiKeys(database).create(name, workspaces)
    finally:
        await database.close()


def _hash(key: str) -> bytes:
    # 256 random bits need no salt and no slow hash: they cannot be guessed from their hash.
    return hashlib.sha256(key.encode()).digest()
