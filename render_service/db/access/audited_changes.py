"""Changes of what a workspace stores: each with its entry in the audit log in one transaction, and told by an etag."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from render_service.db.access.audit_log import audit_values
from render_service.db.database import Database
from render_service.db.row_mapping import Row
from render_service.db.schema import audit_log
from render_service.db.uncancellable_connection import UncancellableConnection
from render_service.domain.access.audit import Action, Origin
from render_service.domain.errors import DomainError, ErrorReason


def entry_of(
    origin: Origin | None, action: Action, workspace_id: str, *, target: UUID | None = None, detail: str = ""
) -> dict[str, Any] | None:
    """Return an entry of the audit log; None without an origin, for what no caller asks for."""
    if origin is None:
        return None
    return audit_values(origin, action) | {"workspace_id": workspace_id, "target": target, "detail": detail}


async def record(connection: UncancellableConnection, entry: Mapping[str, Any] | None) -> None:
    """Append an entry, if there is one, to the audit log in the transaction of a connection."""
    if entry is not None:
        await connection.execute(sa.insert(audit_log).values(entry))


async def change(database: Database, statement: sa.UpdateBase, entry: Mapping[str, Any] | None) -> Row | None:
    """Change one row, together with the entry in the audit log.

    Args:
        database: Where it is.
        statement: Changes at most one row, and returns it.
        entry: See `entry_of`.

    Returns:
        The row; None if there is no such row, which leaves no entry.
    """
    async with database.transaction() as connection:
        row = (await connection.execute(statement)).mappings().one_or_none()
        if row is not None:
            await record(connection, entry)
    return row


def version_of(etag: str) -> int:
    """Return the version that an etag is of; one that no row has if this service did not issue the etag."""
    # Postgres may not even accept it as a number.
    return int(etag) if etag.isascii() and etag.isdecimal() and len(etag) < len(str(2**63)) else -1


def etag_mismatch(noun: str, metadata: Mapping[str, str], etag: str) -> DomainError:
    """Return the error for an update of something that was changed since.

    Args:
        noun: What it is, in words.
        metadata: Which one it is.
        etag: Its present etag.
    """
    return DomainError(
        ErrorReason.ETAG_MISMATCH, f"the {noun} was changed since it was read", {**metadata, "etag": etag}
    )
