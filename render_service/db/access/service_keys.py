"""The repository of internal keys that all servers share."""

import secrets

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from render_service.db.database import Database
from render_service.db.schema import service_keys

_KEY_BYTES = 32


class ServiceKeys:
    """The keys in Postgres, each generated once at random; a backup of the database contains them.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> bytes:
        """Return a key of 32 bytes; the first server that asks for it generates it.

        Args:
            name: The purpose of the key.

        Raises:
            DatabaseUnavailable: Postgres is unavailable.
        """
        select = sa.select(service_keys.c.key).where(service_keys.c.name == name)
        made = insert(service_keys).values(name=name, key=secrets.token_bytes(_KEY_BYTES)).on_conflict_do_nothing()
        async with self._database.single() as connection:
            key: bytes | None = (await connection.execute(select)).scalar_one_or_none()
            if key is None:
                await connection.execute(made)
                key = (await connection.execute(select)).scalar_one()
        return key
