"""The database stays fast however many jobs there are: no list and no prepared statement reads the table through."""

import asyncio
import pkgutil
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable

from render_service import db
from render_service.db.database import WORKSPACE_SHARE, Database
from render_service.db.jobs.job_lifecycle_sql import CLAIM
from render_service.db.jobs.jobs import JobFilter, Jobs, list_statement
from render_service.db.prepared import Statement
from render_service.db.workspace_shares import WorkspaceShares
from render_service.domain.jobs.job import JobStatus
from tests.records import HOUR

_ENDED = """
    INSERT INTO jobs (id, task_id, workspace_id, provider, spec, status, finished_at, labels, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'team', 'mock', '{}', 'COMPLETED', now(),
        jsonb_build_object('team', 'a', 'order', n), now() - n * interval '1 second'
    FROM generate_series(1, 100000) AS n
"""
_WAITING = """
    INSERT INTO jobs (id, task_id, workspace_id, provider, spec)
    SELECT gen_random_uuid(), gen_random_uuid(), 'team-' || n % 500, 'mock', '{}' FROM generate_series(1, 1000) AS n
"""
FILTERS = {
    "none": JobFilter(),
    "a label that nothing has": JobFilter(labels={"order": "none"}),
    "a label that one job has": JobFilter(labels={"order": "7"}),
    "a label that every job has": JobFilter(labels={"team": "a"}),
    "a status that nothing has": JobFilter(statuses=(JobStatus.FAILED,)),
    "a status that every job has": JobFilter(statuses=(JobStatus.COMPLETED,)),
    "both": JobFilter(statuses=(JobStatus.COMPLETED,), labels={"order": "none"}),
}


class Explain(Executable, ClauseElement):
    """Runs a query and returns its plan."""

    inherit_cache = False

    def __init__(self, statement: sa.Select[Any]) -> None:
        self.statement = statement


@compiles(Explain)
def _explain(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (ANALYZE, FORMAT JSON) {compiler.process(element.statement, **options)}"


def statements() -> dict[str, Statement]:
    """Return every prepared statement of the package, by name."""
    modules = (
        import_module(module.name)
        for module in pkgutil.walk_packages(db.__path__, f"{db.__name__}.")
        if "migrations" not in module.name
    )
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Statement)
    }


@pytest.fixture(scope="module")
def full_database_url(module_database_url: str) -> str:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        for statement in (_ENDED, _WAITING, "ANALYZE jobs", "ANALYZE workspace_turns"):
            connection.execute(statement)
    return module_database_url


@pytest.fixture
async def full_database(full_database_url: str) -> AsyncIterator[Database]:
    database = Database(full_database_url)
    yield database
    await database.close()


def test_no_prepared_statement_reads_all_jobs(full_database_url: str) -> None:
    found = statements()
    assert {"job_lifecycle_sql.CLAIM", "jobs._GET", "job_outbox._TAKE"} <= found.keys()
    with psycopg.connect(full_database_url, autocommit=True) as connection:
        for name, statement in found.items():
            sql, _ = statement.bind(defaultdict(lambda: None))
            row = connection.execute(b"EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + sql).fetchone()
            assert row is not None
            for node in nodes(row[0][0]["Plan"]):
                reads_jobs = node["Node Type"] == "Seq Scan" and node["Relation Name"] == "jobs"
                assert not reads_jobs, name


@pytest.mark.parametrize("busy", [0, 3])
def test_a_claim_reads_few_rows_however_many_workspaces_wait(full_database_url: str, busy: int) -> None:
    parameters = {"token": uuid4(), "lease": HOUR, "worker": "test", "deadline": HOUR, "unserved": False}
    sql, values = CLAIM.bind(parameters | {"providers": ["mock"], "running_quota": None})
    with psycopg.connect(full_database_url) as connection:
        cursor = psycopg.RawCursor(connection)
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for _ in range(busy):
            assert len(cursor.execute(sql, values).fetchall()) == 1
        (explained,) = cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + sql, values).fetchall()
        connection.rollback()
    scans = [node for node in nodes(explained[0][0]["Plan"]) if "Relation Name" in node and node["Actual Loops"]]
    assert {"jobs", "workspace_turns"} <= {scan["Relation Name"] for scan in scans}
    read = sum(scan["Actual Loops"] * (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) for scan in scans)
    assert read < 20 + busy


async def test_no_list_reads_a_workspace_through(full_database: Database) -> None:
    for name, wanted in FILTERS.items():
        statement = list_statement("team", wanted, after=None, limit=51)
        async with full_database.single() as connection:
            explained = (await connection.execute(Explain(statement))).scalar_one()
        scans = [node for node in nodes(explained[0]["Plan"]) if node.get("Relation Name") == "jobs"]
        assert scans
        for scan in scans:
            assert scan["Node Type"] != "Seq Scan", name
            assert scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) < 1_000, name


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


async def test_thirty_calls_for_a_label_that_nothing_has_do_not_delay_another_workspace(
    full_database: Database,
) -> None:
    jobs = Jobs(full_database)
    begun = asyncio.Semaphore(0)

    async def call_for_ever() -> None:
        while True:
            begun.release()
            await jobs.list("team", FILTERS["a label that nothing has"], after=None, limit=50)

    hogs = [asyncio.create_task(call_for_ever()) for _ in range(30)]
    async with asyncio.timeout(60):
        for _ in hogs:
            await begun.acquire()
        await jobs.list("other", JobFilter(), after=None, limit=50)
    assert not any(hog.done() for hog in hogs), "a call failed"
    for hog in hogs:
        hog.cancel()
    await asyncio.wait(hogs)


async def test_a_workspace_holds_no_more_than_its_share_of_the_connections(full_database_url: str) -> None:
    database = Database(full_database_url, size=5)
    share = int(5 * WORKSPACE_SHARE)
    entered = asyncio.Semaphore(0)
    leave = asyncio.Event()

    async def hold() -> None:
        async with database.single_for("hog") as connection:
            await connection.execute(sa.text("SELECT 1"))
            entered.release()
            await leave.wait()

    hogs = [asyncio.create_task(hold()) for _ in range(20)]
    for _ in range(share):
        await entered.acquire()
    async with asyncio.timeout(60), database.single_for("other") as connection:
        await connection.execute(sa.text("SELECT 1"))
    assert database.busy == share
    leave.set()
    await asyncio.gather(*hogs)
    await database.close()


async def test_a_share_is_forgotten_once_nobody_uses_it() -> None:
    shares = WorkspaceShares(1)

    async def use(number: int) -> None:
        async with shares.enter(f"team-{number % 3}"):
            await asyncio.sleep(0)

    await asyncio.gather(*(use(number) for number in range(30)))
    assert not shares._gates
