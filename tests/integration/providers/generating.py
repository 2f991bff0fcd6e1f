"""Fakes of providers, and what tests of generation ask of them."""

import sqlalchemy as sa

from render_service.db.database import Database
from render_service.domain.jobs.job import ProviderName
from tests.fakes.generating import GeneratingApi
from tests.fakes.http_server import Fault

RUNWAY, PIKA, CUSTOM, LOCAL = ProviderName.RUNWAY, ProviderName.PIKA, ProviderName.CUSTOM, ProviderName.LOCAL


DROP_AFTER, DROP_BEFORE = Fault(drop=True, after=True), Fault(drop=True)


Fakes = dict[ProviderName, GeneratingApi]


async def waiting(database: Database, workspace: str) -> int:
    """How many clips of a workspace wait for a place."""
    async with database.single() as connection:
        found = await connection.scalar(
            sa.text("SELECT count(*) FROM provider_tasks WHERE workspace_id = :workspace AND state = 'WAITING'"),
            {"workspace": workspace},
        )
    return int(found or 0)
