"""A workspace's watch skips no event, whatever order transactions commit in, and resumes where it stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from render_service.db.database import Database, sqlalchemy_url
from render_service.db.jobs import job_lifecycle_sql as statements
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.jobs import Jobs
from render_service.db.jobs.workspace_events import OLDEST, EventPosition, WorkspaceEvents
from render_service.domain.jobs.job import JobStage, JobStatus, ProviderName, RenderSpec
from render_service.domain.jobs.request import JobOptions, JobRequest
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project
from render_service.domain.retry import RetryPolicy
from render_service.progress.hub import ProgressHub
from render_service.progress.publisher import Publisher
from render_service.progress.workspace_watch import WorkspaceUpdate, watch_workspace
from render_service.runtime.lifecycle import connect_redis
from tests.settled_events import read_settled

SPEC = RenderSpec(Project(), OutputSpec(640, 360, 30, Quality.DRAFT))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def start(database: Database, workspace_id: str, labels: dict[str, str] | None = None) -> UUID:
    request = JobRequest(workspace_id, None, ProviderName.MOCK, SPEC, JobOptions(labels or {}))
    job, _ = await Jobs(database).start(request)
    return job.id


async def all_events(events: WorkspaceEvents, workspace_id: str, after: EventPosition = OLDEST) -> list[UUID]:
    job_ids = []
    while True:
        batch = await read_settled(events, workspace_id, after, batch=3)
        job_ids += [event.job_id for event, _ in batch.events]
        after = batch.end
        if not batch.more:
            return job_ids


def lifecycle_of(database: Database) -> JobLifecycle:
    return JobLifecycle(database, lease=timedelta(seconds=10), retry=RetryPolicy())


async def test_an_event_committed_late_is_neither_skipped_nor_delivered_out_of_order(
    database: Database, database_url: str
) -> None:
    events = WorkspaceEvents(database)
    first = await start(database, "team")
    insert = (
        "INSERT INTO job_events (job_id, sequence, milestone, workspace_id, status, progress, message, attempt)"
        " VALUES (%s, 100, 100, 'team', 'PENDING', 0, '', 0)"
    )
    with psycopg.connect(database_url) as slow:
        slow.execute(insert, [first])
        later = await start(database, "team")
        async with asyncio.timeout(60):
            # Other tests' transactions may hold back the first one, too.
            while not (held := await events.read("team", OLDEST, {})).events:
                await asyncio.sleep(0.01)
        assert [event.job_id for event, _ in held.events] == [first]
        assert held.unsettled, "the reader must know that it has to look again soon"
        slow.commit()
    rest = await read_settled(events, "team", held.end)
    assert [(event.job_id, event.sequence) for event, _ in rest.events] == [(first, 100), (later, 1)]


async def test_changes_of_a_job_keep_their_order_where_a_transaction_got_its_id_long_before_the_row(
    database: Database, database_url: str
) -> None:
    job_id = await start(database, "team")
    lifecycle = lifecycle_of(database)
    engine = sa.create_engine(sqlalchemy_url(database_url))
    with engine.begin() as early:
        early.execute(sa.text("SELECT pg_current_xact_id()"))
        claim = await lifecycle.claim(worker="w", providers=[ProviderName.MOCK], deadline=timedelta(hours=1))
        assert claim
        await lifecycle.release(claim.lease)
        early.execute(sa.text(statements.CANCEL.text), {"workspace_id": "team", "job_id": job_id})
    engine.dispose()
    batch = await read_settled(WorkspaceEvents(database), "team", OLDEST)
    assert [(event.sequence, event.status) for event, _ in batch.events] == [
        (1, JobStatus.PENDING),
        (2, JobStatus.PROCESSING),
        (3, JobStatus.PENDING),
        (4, JobStatus.CANCELLED),
    ]


async def test_reading_in_small_batches_returns_each_event_once(database: Database) -> None:
    started = [await start(database, "team") for _ in range(10)]
    await start(database, "other")
    assert await all_events(WorkspaceEvents(database), "team") == started


async def test_concurrent_writers_and_a_resuming_reader_lose_nothing(database: Database) -> None:
    events = WorkspaceEvents(database)
    received: list[UUID] = []
    position = OLDEST
    writing = asyncio.gather(*(start(database, "team") for _ in range(200)))
    while not writing.done():
        batch = await events.read("team", position, {}, batch=7)
        received += [event.job_id for event, _ in batch.events]
        position = batch.end
        await asyncio.sleep(0)
    started = await writing
    received += await all_events(events, "team", position)
    assert sorted(received) == sorted(started)


async def test_pruning_leaves_the_end_of_each_job_and_a_horizon(database: Database, database_url: str) -> None:
    events, lifecycle = WorkspaceEvents(database), lifecycle_of(database)
    job_id = await start(database, "team")
    claim = await lifecycle.claim(worker="w", providers=[ProviderName.MOCK], deadline=timedelta(hours=1))
    assert claim
    await lifecycle.complete(claim.lease, None, None)
    running = await start(database, "team")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE job_events SET created_at = created_at - interval '60 days'")
        connection.execute("UPDATE jobs SET finished_at = finished_at - interval '60 days'")
    assert await events.prune(age=timedelta(days=30)) == 2
    horizon = await events.horizon("team")
    assert horizon > OLDEST
    kept = await events.read("team", horizon, {})
    assert [(event.job_id, event.status) for event, _ in kept.events] == [
        (job_id, JobStatus.COMPLETED),
        (running, JobStatus.PENDING),
    ]
    assert await events.horizon("other") == OLDEST
    history = await Jobs(database).history(job_id, 0)
    assert history
    assert history.oldest_after == 2, "a watch can still resume after the second event: only the end follows"


@asynccontextmanager
async def watching(
    database: Database, redis_url: str, labels: dict[str, str], *, include_progress: bool
) -> AsyncIterator[tuple[AsyncIterator[WorkspaceUpdate], ProgressHub]]:
    subscriptions: Redis = connect_redis(redis_url, timeout_seconds=None)
    hub = ProgressHub(subscriptions, Jobs(database).present, sweep_seconds=60, beat_seconds=60)
    running = asyncio.create_task(hub.run())
    stream = watch_workspace(hub, WorkspaceEvents(database), "team", OLDEST, labels, include_progress=include_progress)
    try:
        async with aclosing(stream):
            yield stream, hub
    finally:
        running.cancel()
        await asyncio.wait((running,))
        await subscriptions.aclose()


async def next_event(stream: AsyncIterator[WorkspaceUpdate]) -> WorkspaceUpdate:
    async with asyncio.timeout(60):
        while True:
            update = await anext(stream)
            if update.event is not None:
                return update


async def test_a_watch_delivers_milestones_and_the_progress_between_them_in_order(
    database: Database, redis_url: str
) -> None:
    redis = connect_redis(redis_url, timeout_seconds=30)
    publisher, lifecycle = Publisher(redis), lifecycle_of(database)
    await start(database, "team", {"show": "no"})
    wanted = await start(database, "team", {"show": "yes"})
    async with watching(database, redis_url, {"show": "yes"}, include_progress=True) as (stream, _):
        assert (await next_event(stream)).event.job_id == wanted  # type: ignore[union-attr]
        leases = {}
        for _ in range(2):
            claim = await lifecycle.claim(worker="w", providers=[ProviderName.MOCK], deadline=timedelta(hours=1))
            assert claim
            leases[claim.lease.job_id] = claim.lease
            await publisher.publish(claim.event)
        claimed = await next_event(stream)
        assert claimed.event
        assert (claimed.event.job_id, claimed.event.stage) == (wanted, JobStage.PREPARING)
        for progress in (10, 20):
            for lease in leases.values():
                report = await lifecycle.report(lease, stage=JobStage.PREPARING, progress=progress, message="")
                await publisher.publish(report.event)
            update = await next_event(stream)
            assert update.event
            assert (update.event.job_id, update.event.progress) == (wanted, progress)
            assert update.position >= claimed.position
    await redis.aclose()


async def test_a_resumed_watch_reports_progress_of_jobs_whose_milestones_it_has_seen(
    database: Database, redis_url: str
) -> None:
    redis = connect_redis(redis_url, timeout_seconds=30)
    lifecycle, events = lifecycle_of(database), WorkspaceEvents(database)
    await start(database, "team")
    claim = await lifecycle.claim(worker="w", providers=[ProviderName.MOCK], deadline=timedelta(hours=1))
    assert claim
    position = (await events.read("team", OLDEST, {})).end
    hub = ProgressHub(
        connect_redis(redis_url, timeout_seconds=None), Jobs(database).present, sweep_seconds=60, beat_seconds=60
    )
    running = asyncio.create_task(hub.run())
    stream = watch_workspace(hub, events, "team", position, {}, include_progress=True)
    first = await anext(stream)
    assert first.event is None
    assert first.position == position
    waiting = asyncio.create_task(next_event(stream))
    report = await lifecycle.report(claim.lease, stage=JobStage.PREPARING, progress=33, message="")
    while not waiting.done():
        # Published until the subscription, which has no sign of its being ready, is there.
        await Publisher(redis).publish(report.event)
        await asyncio.wait((waiting,), timeout=0.05)
    update = waiting.result()
    assert update.event
    assert update.event.progress == 33
    await stream.aclose()
    running.cancel()
    await asyncio.wait((running,))
    await redis.aclose()


async def test_labels_that_no_job_has_still_move_the_position_on(database: Database) -> None:
    for _ in range(5):
        await start(database, "team")
    batch = await read_settled(WorkspaceEvents(database), "team", OLDEST, {"no": str(uuid4())})
    assert not batch.events
    assert (await WorkspaceEvents(database).read("team", batch.end, {})).events == ()
