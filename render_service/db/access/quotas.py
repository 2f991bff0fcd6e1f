"""The repository of quotas that differ from the configured ones."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from render_service.db.database import Database
from render_service.db.workspace_tables import workspace_quotas
from render_service.domain.access.quota import QuotaName

Limits = Mapping[QuotaName, int | None]
"""Quotas that differ from the configured ones; None where there is no limit."""


class WorkspaceQuotas:
    """The quotas in Postgres.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> dict[str, Limits]:
        """Return the quotas of all workspaces that have their own."""
        statement = sa.select(workspace_quotas).order_by(workspace_quotas.c.workspace_id)
        async with self._database.single() as connection:
            return {row.workspace_id: _limits(row.limits) for row in await connection.execute(statement)}

    async def set(self, workspace_id: str, limits: Limits) -> None:
        """Set quotas of a workspace; those not named stay as they are."""
        statement = insert(workspace_quotas).values(
            workspace_id=workspace_id, limits={name.value: limit for name, limit in limits.items()}
        )
        statement = statement.on_conflict_do_update(
            index_elements=[workspace_quotas.c.workspace_id],
            set_={"limits": workspace_quotas.c.limits.op("||")(statement.excluded.limits)},
        )
        async with self._database.single() as connection:
            await connection.execute(statement)

    async def clear(self, workspace_id: str) -> None:
        """Remove a workspace's own quotas."""
        async with self._database.single() as connection:
            await connection.execute(sa.delete(workspace_quotas).where(workspace_quotas.c.workspace_id == workspace_id))


def _limits(stored: Mapping[str, int | None]) -> Limits:
    known = set(QuotaName)
    return {QuotaName(name): limit for name, limit in stored.items() if name in known}
