"""The repository of uploaded fonts."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from render_service.db.access.audited_changes import change, entry_of, record
from render_service.db.database import Database
from render_service.db.row_mapping import FONT_FACTS, Row, dump_jsonb
from render_service.db.uncancellable_connection import UncancellableConnection
from render_service.db.workspace_tables import workspace_fonts
from render_service.domain.access.audit import Action, Origin
from render_service.domain.brand.fonts import MAX_FONT_BYTES, MAX_FONTS, CheckedFont, FontFacts, StoredFont
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.layers.uploaded_fonts import family_key

_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('fonts of ' || CAST(:workspace_id AS text), 0))")
_RETRY_SECONDS = 60.0
_COLUMNS = workspace_fonts.c


class WorkspaceFonts:
    """The uploaded fonts in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_equal(self, workspace_id: str, font: CheckedFont) -> StoredFont | None:
        """Return the font of a workspace that has the style of another and the same file, if there is one."""
        statement = sa.select(workspace_fonts).where(*_has_style(workspace_id, font.facts))
        async with self._database.single_for(workspace_id) as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        return _stored(row) if row is not None and row["sha256"] == font.sha256 else None

    async def create(
        self, workspace_id: str, font_id: UUID, font: CheckedFont, *, replace: bool, origin: Origin
    ) -> StoredFont:
        """Record a font whose file is stored, together with the entry in the audit log.

        Args:
            workspace_id: Whose font it is.
            font_id: Its id.
            font: The font.
            replace: Whether it takes the place of another one of the same style.
            origin: Who uploads it, and from where.

        Returns:
            It, or the equal font that there is already.

        Raises:
            DomainError: FONT_EXISTS or QUOTA_EXCEEDED.
        """
        facts = font.facts
        values = {
            "id": font_id,
            "workspace_id": workspace_id,
            "family_key": family_key(facts.family),
            "min_weight": facts.min_weight,
            "max_weight": facts.max_weight,
            "italic": facts.italic,
            "facts": sa.cast(sa.literal(await dump_jsonb(FONT_FACTS, facts), sa.types.NullType()), JSONB),
            "sha256": font.sha256,
            "size_bytes": len(font.content),
        }
        same_style = sa.select(workspace_fonts).where(*_has_style(workspace_id, facts))
        async with self._database.transaction() as connection:
            # One at a time in a workspace, so that what is read next stays as it is until the commit.
            await connection.execute(_LOCK, {"workspace_id": workspace_id})
            present = (await connection.execute(same_style)).mappings().one_or_none()
            if present is not None and present["sha256"] == font.sha256:
                return _stored(present)
            if present is not None:
                if not replace:
                    raise _exists(present)
                await connection.execute(_deleting(workspace_id, present["id"]))
            await _check_quotas(connection, workspace_id, len(font.content))
            inserted = await connection.execute(sa.insert(workspace_fonts).values(values).returning(*_COLUMNS))
            stored = _stored(inserted.mappings().one())
            await record(
                connection, entry_of(origin, Action.FONT_UPLOADED, workspace_id, target=font_id, detail=facts.family)
            )
        return stored

    async def get(self, workspace_id: str, font_id: UUID) -> StoredFont:
        """Return a font.

        Raises:
            DomainError: FONT_NOT_FOUND.
        """
        statement = sa.select(workspace_fonts).where(*_of_workspace(workspace_id), _COLUMNS.id == font_id)
        async with self._database.single_for(workspace_id) as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise _not_found(font_id)
        return _stored(row)

    async def list(self, workspace_id: str, families: Collection[str] | None = None) -> list[StoredFont]:
        """Return the fonts of a workspace in the order of family, slant and weight.

        Args:
            workspace_id: The workspace.
            families: Keys of the families to return; None returns all.
        """
        statement = sa.select(workspace_fonts).where(*_of_workspace(workspace_id))
        if families is not None:
            statement = statement.where(_COLUMNS.family_key == sa.any_(sa.literal(sorted(families))))
        order = (_COLUMNS.family_key, _COLUMNS.italic, _COLUMNS.min_weight, _COLUMNS.max_weight)
        async with self._database.single_for(workspace_id) as connection:
            return [_stored(row) for row in (await connection.execute(statement.order_by(*order))).mappings()]

    async def delete(self, workspace_id: str, font_id: UUID, *, origin: Origin) -> None:
        """Delete a font, together with the entry in the audit log; its file stays while jobs need it.

        Raises:
            DomainError: FONT_NOT_FOUND.
        """
        entry = entry_of(origin, Action.FONT_DELETED, workspace_id, target=font_id)
        statement = _deleting(workspace_id, font_id).returning(_COLUMNS.id)
        if await change(self._database, statement, entry) is None:
            raise _not_found(font_id)


async def _check_quotas(connection: UncancellableConnection, workspace_id: str, more: int) -> None:
    sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_COLUMNS.size_bytes), 0)).where(
        *_of_workspace(workspace_id)
    )
    count, size = (await connection.execute(sums)).one()
    if count >= MAX_FONTS:
        raise _too_many("fonts", MAX_FONTS, f"{MAX_FONTS} fonts")
    if size + more > MAX_FONT_BYTES:
        raise _too_many("font_bytes", MAX_FONT_BYTES, f"fonts of {MAX_FONT_BYTES // 2**20} MiB, with this one,")


def _of_workspace(workspace_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (_COLUMNS.workspace_id == workspace_id, _COLUMNS.deleted_at.is_(None))


def _has_style(workspace_id: str, facts: FontFacts) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        *_of_workspace(workspace_id),
        _COLUMNS.family_key == family_key(facts.family),
        _COLUMNS.min_weight == facts.min_weight,
        _COLUMNS.max_weight == facts.max_weight,
        _COLUMNS.italic == facts.italic,
    )


def _deleting(workspace_id: str, font_id: UUID) -> sa.Update:
    return (
        sa.update(workspace_fonts)
        .where(*_of_workspace(workspace_id), _COLUMNS.id == font_id)
        .values(deleted_at=sa.func.now())
    )


def _stored(row: Row) -> StoredFont:
    return StoredFont(
        id=row["id"],
        facts=FONT_FACTS.validate_python(row["facts"]),
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        created=row["created_at"],
    )


def _not_found(font_id: UUID) -> DomainError:
    return DomainError(ErrorReason.FONT_NOT_FOUND, "there is no such font in this workspace", {"font_id": str(font_id)})


def _exists(row: Row) -> DomainError:
    return DomainError(
        ErrorReason.FONT_EXISTS,
        "the family has another font of these weights and slant; set replace, or delete that one first",
        {"font_id": str(row["id"])},
    )


def _too_many(quota: str, limit: int, held: str) -> DomainError:
    return DomainError(
        ErrorReason.QUOTA_EXCEEDED,
        f"the workspace has {held} already; delete some first",
        {"quota": quota, "limit": str(limit)},
        retry_after_seconds=_RETRY_SECONDS,
    )
