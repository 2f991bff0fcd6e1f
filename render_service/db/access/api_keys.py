"""The repository of API keys: only their hashes are stored."""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.schema import api_keys
from render_service.domain.access.access import Access, Principal

_PREFIX = "rk_"
_FORM = re.compile(r"rk_[A-Za-z0-9_-]{43}", re.ASCII)
_NOTE_USED = sa.text("""
    UPDATE api_keys SET last_used_at = greatest(last_used_at, used.at)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS used (id, at) WHERE api_keys.id = used.id
""")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The metadata of a key, without the key itself."""

    id: UUID
    name: str
    workspaces: frozenset[str]
    access: Access
    create_time: datetime
    expire_time: datetime | None
    revoke_time: datetime | None
    last_used_time: datetime | None

    @property
    def principal(self) -> Principal:
        """Who calls with this key."""
        return Principal(f"key:{self.id}", self.name, self.workspaces, self.access)

    def works_at(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoke_time is None and (self.expire_time is None or now < self.expire_time)


def looks_like_key(text: str) -> bool:
    """Whether a text has the format of an API key."""
    return _FORM.fullmatch(text) is not None


def key_hash(key: str) -> bytes:
    """Return the hash of a key, which is all that is stored.

    256 random bits need no salt and no slow hash: they cannot be guessed from their hash.
    """
    return hashlib.sha256(key.encode()).digest()


class ApiKeys:
    """The API keys in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        name: str,
        workspaces: frozenset[str],
        *,
        access: Access = Access.WRITE,
        expire_time: datetime | None = None,
    ) -> str:
        """Create a key and return it; it cannot be shown again.

        Args:
            name: Display name.
            workspaces: The workspaces it opens.
            access: What its holder may do there.
            expire_time: When it expires; None for never.
        """
        key = _PREFIX + secrets.token_urlsafe(32)
        statement = sa.insert(api_keys).values(
            id=uuid4(),
            name=name,
            key_hash=key_hash(key),
            workspaces=sorted(workspaces),
            access=access,
            expires_at=expire_time,
        )
        async with self._database.single() as connection:
            await connection.execute(statement)
        return key

    async def find(self, key: str) -> ApiKey | None:
        """Return the metadata of a key; None if it is unknown, revoked or expired."""
        if not looks_like_key(key):
            return None
        statement = sa.select(api_keys).where(
            api_keys.c.key_hash == key_hash(key),
            api_keys.c.revoked_at.is_(None),
            sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > sa.func.now()),
        )
        async with self._database.single() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return _key(row) if row is not None else None

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, including revoked and expired ones, the oldest first."""
        statement = sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        async with self._database.single() as connection:
            return [_key(row) for row in await connection.execute(statement)]

    async def revoke(self, key_id: UUID) -> bool:
        """Revoke a key; return whether it exists. Revoking again changes nothing."""
        statement = (
            sa.update(api_keys)
            .where(api_keys.c.id == key_id)
            .values(revoked_at=sa.func.coalesce(api_keys.c.revoked_at, sa.func.now()))
            .returning(api_keys.c.id)
        )
        async with self._database.single() as connection:
            return (await connection.execute(statement)).one_or_none() is not None

    async def note_used(self, used: Mapping[UUID, datetime]) -> None:
        """Record when keys were last used, many in one statement."""
        async with self._database.single() as connection:
            await connection.execute(_NOTE_USED, {"ids": list(used.keys()), "times": list(used.values())})


async def create_api_key(
    url: str,
    name: str,
    workspaces: frozenset[str],
    *,
    access: Access = Access.WRITE,
    expire_time: datetime | None = None,
) -> str:
    """Create a key through a connection of its own; see `ApiKeys.create`."""
    database = Database(url, size=1)
    try:
        return await ApiKeys(database).create(name, workspaces, access=access, expire_time=expire_time)
    finally:
        await database.close()


def _key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        workspaces=frozenset(row.workspaces),
        access=Access(row.access),
        create_time=row.created_at,
        expire_time=row.expires_at,
        revoke_time=row.revoked_at,
        last_used_time=row.last_used_at,
    )
