"""The repository of brand kits."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from render_service.db.access.audited_changes import change, entry_of, etag_mismatch, record, version_of
from render_service.db.database import Database
from render_service.db.row_mapping import BRAND_KIT, Row, dump_jsonb
from render_service.db.workspace_tables import brand_kit_versions, brand_kits
from render_service.domain.access.audit import Action, Origin
from render_service.domain.brand.kit import MAX_KITS, BrandKit, StoredBrandKit
from render_service.domain.errors import DomainError, ErrorReason

_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('brand kits of ' || CAST(:workspace_id AS text), 0))")
_RETRY_SECONDS = 60.0


class BrandKits:
    """The brand kits in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace_id: str, kit: BrandKit, *, origin: Origin) -> StoredBrandKit:
        """Store a new kit, together with the entry in the audit log.

        Raises:
            DomainError: BRAND_KIT_EXISTS or QUOTA_EXCEEDED.
        """
        values = {"workspace_id": workspace_id, "name": kit.name, "body": await _body(kit)}
        of_workspace = sa.select(brand_kits.c.name).where(brand_kits.c.workspace_id == workspace_id)
        async with self._database.transaction() as connection:
            # One at a time in a workspace, so that the rows read next stay as they are until the commit.
            await connection.execute(_LOCK, {"workspace_id": workspace_id})
            names = {row.name for row in await connection.execute(of_workspace)}
            if kit.name in names:
                raise DomainError(
                    ErrorReason.BRAND_KIT_EXISTS, "the workspace has a brand kit with this name", {"name": kit.name}
                )
            if len(names) >= MAX_KITS:
                raise _too_many()
            row = await connection.execute(sa.insert(brand_kits).values(values).returning(*brand_kits.c))
            stored = _stored(row.mappings().one())
            entry = entry_of(origin, Action.BRAND_KIT_CREATED, workspace_id, detail=kit.name)
            await record(connection, entry)
        return stored

    async def find(self, workspace_id: str, name: str) -> StoredBrandKit | None:
        """Return a kit; None if the workspace has none of this name."""
        async with self._database.single_for(workspace_id) as connection:
            row = (await connection.execute(sa.select(brand_kits).where(*_is(workspace_id, name)))).mappings()
            found = row.one_or_none()
        return None if found is None else _stored(found)

    async def get(self, workspace_id: str, name: str) -> StoredBrandKit:
        """Return a kit.

        Raises:
            DomainError: BRAND_KIT_NOT_FOUND.
        """
        found = await self.find(workspace_id, name)
        if found is None:
            raise _not_found(name)
        return found

    async def update(self, workspace_id: str, kit: BrandKit, *, etag: str, origin: Origin) -> StoredBrandKit:
        """Replace a kit's content, together with the entry in the audit log.

        Args:
            workspace_id: The kit's workspace.
            kit: The new content of the kit of this name.
            etag: The version that is replaced; empty replaces any.
            origin: Who replaces it, and from where.

        Raises:
            DomainError: BRAND_KIT_NOT_FOUND, or ETAG_MISMATCH.
        """
        statement = (
            sa.update(brand_kits)
            .where(*_is(workspace_id, kit.name))
            .values(body=await _body(kit), version=brand_kit_versions.next_value(), updated_at=sa.func.now())
            .returning(*brand_kits.c)
        )
        if etag:
            statement = statement.where(brand_kits.c.version == version_of(etag))
        entry = entry_of(origin, Action.BRAND_KIT_UPDATED, workspace_id, detail=kit.name)
        row = await change(self._database, statement, entry)
        if row is not None:
            return _stored(row)
        current = await self.get(workspace_id, kit.name)
        raise etag_mismatch("brand kit", {"name": kit.name}, current.etag)

    async def list(self, workspace_id: str) -> list[StoredBrandKit]:
        """Return all kits of a workspace in the order of their names."""
        statement = sa.select(brand_kits).where(brand_kits.c.workspace_id == workspace_id).order_by(brand_kits.c.name)
        async with self._database.single_for(workspace_id) as connection:
            return [_stored(row) for row in (await connection.execute(statement)).mappings()]

    async def delete(self, workspace_id: str, name: str, *, origin: Origin) -> None:
        """Delete a kit, together with the entry in the audit log.

        Raises:
            DomainError: BRAND_KIT_NOT_FOUND.
        """
        statement = sa.delete(brand_kits).where(*_is(workspace_id, name)).returning(brand_kits.c.name)
        entry = entry_of(origin, Action.BRAND_KIT_DELETED, workspace_id, detail=name)
        if await change(self._database, statement, entry) is None:
            raise _not_found(name)


def _is(workspace_id: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (brand_kits.c.workspace_id == workspace_id, brand_kits.c.name == name)


def _not_found(name: str) -> DomainError:
    return DomainError(ErrorReason.BRAND_KIT_NOT_FOUND, "there is no such brand kit in this workspace", {"name": name})


def _too_many() -> DomainError:
    return DomainError(
        ErrorReason.QUOTA_EXCEEDED,
        f"the workspace has {MAX_KITS} brand kits already; delete one first",
        {"quota": "brand_kits", "limit": str(MAX_KITS)},
        retry_after_seconds=_RETRY_SECONDS,
    )


async def _body(kit: BrandKit) -> sa.ColumnElement[Any]:
    # Without SQLAlchemy's type, which would dump it again.
    return sa.cast(sa.literal(await dump_jsonb(BRAND_KIT, kit), sa.types.NullType()), JSONB)


def _stored(row: Row) -> StoredBrandKit:
    return StoredBrandKit(
        kit=BRAND_KIT.validate_python(row["body"]),
        etag=str(row["version"]),
        create_time=row["created_at"],
        update_time=row["updated_at"],
    )
