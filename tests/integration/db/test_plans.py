"""The database stays fast however many jobs there are: no list and no prepared statement reads the table through."""

import asyncio
import pkgutil
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from render_service import db
from render_service.db.database import WORKSPACE_SHARE, Database
from render_service.db.jobs.job_lifecycle_sql import CLAIM
from render_service.db.jobs.job_lists import JobFilter, Position, list_statement
from render_service.db.jobs.jobs import Jobs
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
    "statuses that nothing has": JobFilter(statuses=(JobStatus.FAILED, JobStatus.CANCELLED)),
    "every status": JobFilter(statuses=tuple(JobStatus)),
    "both": JobFilter(statuses=(JobStatus.COMPLETED,), labels={"order": "none"}),
    "a project that nothing has": JobFilter(project_id=uuid4()),
    "a project and a status that nothing has": JobFilter(statuses=(JobStatus.FAILED,), project_id=uuid4()),
}


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
            text, _ = statement.bind(defaultdict(lambda: None))
            row = connection.execute(b"EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + text).fetchone()
            assert row is not None
            for node in nodes(row[0][0]["Plan"]):
                reads_jobs = node["Node Type"] == "Seq Scan" and node["Relation Name"] == "jobs"
                assert not reads_jobs, name


@pytest.mark.parametrize("busy", [0, 3])
def test_a_claim_reads_few_rows_however_many_workspaces_wait(full_database_url: str, busy: int) -> None:
    parameters = {
        "lease": HOUR,
        "worker": "test",
        "deadline": HOUR,
        "unserved": False,
        "count": 1,
        "speech_providers": [],
        "abilities": [],
    }
    text, values = CLAIM.bind(parameters | {"providers": ["mock"], "running_quota": None})
    with psycopg.connect(full_database_url) as connection:
        cursor = psycopg.RawCursor(connection)
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for _ in range(busy):
            assert len(cursor.execute(text, values).fetchall()) == 1
        (explained,) = cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + text, values).fetchall()
        connection.rollback()
    scans = [node for node in nodes(explained[0][0]["Plan"]) if "Relation Name" in node and node["Actual Loops"]]
    assert {"jobs", "workspace_turns"} <= {scan["Relation Name"] for scan in scans}
    read = sum(scan["Actual Loops"] * (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) for scan in scans)
    assert read < 20 + busy


def test_a_claim_reads_few_rows_however_many_jobs_its_worker_cannot_do(database_url: str) -> None:
    undoable = {
        "provider": "'runway', NULL, ARRAY[]::text[]",
        "speech provider": "'mock', 'elevenlabs', ARRAY[]::text[]",
        "needs": "'mock', NULL, ARRAY['recognition']",
        "both needs": "'mock', NULL, ARRAY['alignment', 'recognition']",
    }
    values = CLAIM.bind(
        {
            "lease": HOUR,
            "worker": "test",
            "deadline": HOUR,
            "unserved": False,
            "count": 1,
            "speech_providers": ["local"],
            "abilities": ["alignment"],
            "providers": ["mock"],
            "running_quota": None,
        }
    )
    with psycopg.connect(database_url) as connection:
        for kind in undoable.values():
            connection.execute(f"""
                INSERT INTO jobs (id, task_id, workspace_id, spec, priority, provider, speech_provider, needs)
                SELECT gen_random_uuid(), gen_random_uuid(), 'crowded', '{{}}', 9, kind.*
                FROM generate_series(1, 3000), (SELECT {kind}) AS kind
            """)
        connection.execute("""
            INSERT INTO jobs (id, task_id, workspace_id, provider, spec, needs)
            VALUES (gen_random_uuid(), gen_random_uuid(), 'crowded', 'mock', '{"doable": true}', ARRAY['alignment'])
        """)
        connection.execute("ANALYZE jobs")
        cursor = psycopg.RawCursor(connection)
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        (explained,) = cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + values[0], values[1]).fetchall()
        (waiting,) = connection.execute("SELECT count(*) FROM jobs WHERE status = 'PENDING'").fetchall()
        connection.rollback()
    assert waiting == (4 * 3000,), "the job that can be done was claimed"
    scans = [node for node in nodes(explained[0][0]["Plan"]) if "Relation Name" in node and node["Actual Loops"]]
    read = sum(scan["Actual Loops"] * (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) for scan in scans)
    assert read < 30


@pytest.mark.parametrize("after", [None, Position(datetime.now(UTC) - timedelta(minutes=1), uuid4())])
@pytest.mark.parametrize("name", FILTERS)
def test_no_list_reads_a_workspace_through(full_database_url: str, name: str, after: Position | None) -> None:
    statement, parameters = list_statement("team", FILTERS[name], after=after, limit=51)
    text, values = statement.bind(parameters)
    with psycopg.connect(full_database_url, autocommit=True) as connection:
        # The plan that Postgres keeps knows no values.
        mode = "force_generic_plan" if statement.is_prepared else "force_custom_plan"
        connection.execute(f"SET plan_cache_mode = {mode}")
        connection.execute(b"PREPARE listing AS " + text)
        values = [sql.Literal(value) for value in values]
        execute = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE listing ({})").format(sql.SQL(", ").join(values))
        row = connection.execute(execute).fetchone()
    assert row is not None
    scans = [node for node in nodes(row[0][0]["Plan"]) if node.get("Relation Name") == "jobs"]
    assert scans
    for scan in scans:
        assert scan["Node Type"] != "Seq Scan"
        assert (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"] < 1_000


def test_each_page_has_one_of_few_statements() -> None:
    rng = random.Random(1)
    shapes = {
        list_statement(
            f"team-{number}",
            JobFilter(
                statuses=tuple(rng.sample(list(JobStatus), rng.randrange(6))),
                project_id=rng.choice([None, uuid4()]),
                labels=rng.choice([None, {"number": str(number)}]),
            ),
            after=rng.choice([None, Position(datetime.now(UTC), uuid4())]),
            limit=rng.randrange(1, 102),
        )[0]
        for number in range(2_000)
    }
    assert len(shapes) == 2**4 * 3


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


async def test_thirty_calls_for_a_label_that_nothing_has_do_not_delay_another_workspace(
    full_database: Database,
) -> None:
    jobs = Jobs(full_database)
    begun = asyncio.Semaphore(0)

    async def call_for_ever(number: int) -> None:
        # Callers of one filter would share a read.
        wanted = JobFilter(labels={"order": f"none of {number}"})
        while True:
            begun.release()
            await jobs.list("team", wanted, after=None, limit=50)

    hogs = [asyncio.create_task(call_for_ever(number)) for number in range(30)]
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
