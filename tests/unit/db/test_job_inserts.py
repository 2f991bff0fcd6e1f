"""Jobs of a batch that the database refuses are stored one by one, each with its own outcome."""

from collections.abc import Mapping
from typing import Any

import psycopg
from pydantic_core import from_json

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_inserts import insert_jobs, new_job
from render_service.db.prepared import Row, Statement
from render_service.domain.access.quota import Quotas
from tests.records import job_request


class LostDatabase(Database):
    """Refuses batches, and is lost after it stored some jobs."""

    def __init__(self, *, stores: int) -> None:
        super().__init__("postgresql://unused.invalid/test")
        self.stores = stores
        self.calls = 0

    async def execute(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        assert parameters is not None
        ids = [job["id"] for job in from_json(parameters["jobs"].obj)]
        if len(ids) > 1:
            raise psycopg.errors.UntranslatableCharacter
        self.calls += 1
        if self.calls > self.stores:
            raise DatabaseUnavailable
        return [{"job_id": ids[0]}]


async def test_jobs_stored_before_the_database_is_lost_are_answered_and_the_rest_is_not_tried() -> None:
    jobs = [new_job(job_request(), b"{}", Quotas(), origin=None) for _ in range(5)]
    database = LostDatabase(stores=2)
    results = await insert_jobs(database, jobs)
    assert results[:2] == [{"job_id": from_json(job.encoded)["id"]} for job in jobs[:2]]
    assert [type(result) for result in results[2:]] == [DatabaseUnavailable] * 3
    assert database.calls == 3
