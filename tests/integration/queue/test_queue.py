"""Messages are sent for what is due, never lost for good, and never pile up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from redis import Redis
from redis.exceptions import RedisError

from render_service.db.database import Database
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.db.jobs.jobs import Jobs
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError, JobStatus
from render_service.domain.retry import RetryPolicy
from render_service.embedded import EmbeddedValkey
from render_service.progress.publisher import Publisher
from render_service.queue.broker import RenderQueue, make_broker
from render_service.queue.dispatcher import Dispatcher
from render_service.queue.reconciler import Reconciler
from render_service.runtime.lifecycle import connect_redis
from tests.records import claim_next, job_request, lifecycle_of, start_job

LOST_AT_ONCE = timedelta(0)


class Queue:
    """A dispatcher and a reconciler that run on demand."""

    def __init__(self, database: Database, redis_url: str) -> None:
        self.database = database
        self.redis = connect_redis(redis_url, timeout_seconds=30)
        self.broker = make_broker(redis_url, blocking_timeout_seconds=30)
        self.messages = RenderQueue(self.broker)
        self.outbox = JobOutbox(database)
        self.dispatcher = Dispatcher(self.outbox, self.messages, interval_seconds=0.05)

    def reconciler(self, lost_after: timedelta = LOST_AT_ONCE, retry: RetryPolicy | None = None) -> Reconciler:
        lifecycle = lifecycle_of(self.database, lease=timedelta(milliseconds=1), retry=retry)
        publisher = Publisher(self.redis)
        return Reconciler(lifecycle, self.outbox, self.messages, self.dispatcher, publisher, lost_after=lost_after)

    async def enqueued(self) -> dict[UUID, bool]:
        async with self.database.single() as connection:
            rows = await connection.execute(sa.text("SELECT id, enqueued_at IS NOT NULL AS sent FROM jobs"))
            return {row.id: row.sent for row in rows}

    async def close(self) -> None:
        await self.redis.aclose()
        self.broker.close()


@pytest.fixture
async def queue(database: Database, redis_url: str) -> AsyncIterator[Queue]:
    queue = Queue(database, redis_url)
    yield queue
    await queue.close()


async def test_a_message_is_sent_once_for_each_due_job(queue: Queue) -> None:
    for _ in range(3):
        await start_job(queue.database)
    assert await queue.dispatcher.dispatch() == 3
    assert await queue.dispatcher.dispatch() == 0
    assert queue.messages.length() == 3


async def test_more_jobs_than_one_batch_are_all_sent(queue: Queue) -> None:
    async with queue.database.single() as connection:
        await connection.execute(
            sa.text(
                "INSERT INTO jobs (id, task_id, workspace_id, provider, spec) SELECT gen_random_uuid(),"
                " gen_random_uuid(), 'team', 'mock', '{}' FROM generate_series(1, 250)"
            )
        )
    assert await queue.dispatcher.dispatch() == 250
    assert queue.messages.length() == 250


async def test_a_dispatcher_that_finds_a_full_queue_does_not_ask_for_its_length_at_each_job(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = iter((1_000,))
    monkeypatch.setattr(queue.messages, "length", lambda: next(lengths))
    monkeypatch.setattr("render_service.queue.dispatcher._MANY_FRESH_SECONDS", 3_600.0)
    await start_job(queue.database)
    assert [await queue.dispatcher.dispatch() for _ in range(20)] == [0] * 20


async def start_as_sent(queue: Queue) -> UUID:
    """Store a job as StartRender does while Redis answers and few messages wait."""
    job, _ = await Jobs(queue.database).start(job_request(), is_sent=queue.dispatcher.sends_directly)
    return job.id


async def test_messages_of_new_jobs_are_sent_without_the_outbox_once_redis_has_answered(queue: Queue) -> None:
    assert not queue.dispatcher.sends_directly, "Redis was not asked yet"
    await queue.dispatcher.dispatch()
    jobs = [await start_as_sent(queue) for _ in range(3)]
    assert await queue.dispatcher.dispatch() == 0, "none is due in the outbox"
    for job_id in jobs:
        queue.dispatcher.send(job_id)
    await queue.dispatcher.close(timeout_seconds=60)
    assert queue.messages.length() == 3


async def test_new_jobs_go_to_the_outbox_while_many_messages_wait(queue: Queue) -> None:
    queue.messages.send([UUID(int=n) for n in range(500)])
    await queue.dispatcher.dispatch()
    assert not queue.dispatcher.sends_directly


async def test_a_job_stored_as_sent_whose_server_ended_before_it_sent_the_message_is_due_again(queue: Queue) -> None:
    await queue.dispatcher.dispatch()
    job_id = await start_as_sent(queue)
    assert await queue.enqueued() == {job_id: True}
    await queue.reconciler().reconcile()
    assert await queue.dispatcher.dispatch() == 1


async def test_a_message_that_redis_refuses_is_due_again_and_new_jobs_go_to_the_outbox(
    database: Database, own_valkey: EmbeddedValkey
) -> None:
    queue = Queue(database, own_valkey.url)
    await queue.dispatcher.dispatch()
    job_id = await start_as_sent(queue)
    with Redis.from_url(own_valkey.url) as redis:
        redis.config_set("maxmemory", "1")  # reads still work, writes are refused
        queue.dispatcher.send(job_id)
        await queue.dispatcher.close(timeout_seconds=60)
        assert await queue.enqueued() == {job_id: False}
        assert not queue.dispatcher.sends_directly
        redis.config_set("maxmemory", "0")
    assert await queue.dispatcher.dispatch() == 1
    assert queue.dispatcher.sends_directly
    await queue.close()


async def test_jobs_that_wait_for_their_next_attempt_or_have_ended_are_not_due(queue: Queue) -> None:
    lifecycle = lifecycle_of(queue.database, retry=RetryPolicy(base=timedelta(hours=1), cap=timedelta(hours=1)))
    ended, _ = await start_job(queue.database), await start_job(queue.database)
    await lifecycle.cancel("team", ended.id)
    lease = (await claim_next(lifecycle)).lease
    assert await queue.dispatcher.dispatch() == 0
    await lifecycle.end_attempt(lease, JobError(ErrorReason.INTERNAL, ""), retryable=True)
    assert await queue.dispatcher.dispatch() == 0


async def test_a_job_handed_over_is_due_at_once(queue: Queue) -> None:
    await start_job(queue.database)
    lifecycle = lifecycle_of(queue.database)
    assert await queue.dispatcher.dispatch() == 1
    await lifecycle.release((await claim_next(lifecycle)).lease)
    assert await queue.dispatcher.dispatch() == 1


async def test_concurrent_dispatchers_send_no_message_twice(queue: Queue) -> None:
    for _ in range(40):
        await start_job(queue.database)
    sent = await asyncio.gather(*(queue.dispatcher.dispatch() for _ in range(8)))
    assert sum(sent) == 40
    assert queue.messages.length() == 40


async def test_what_cannot_be_sent_stays_due(database: Database, unused_tcp_port: int) -> None:
    queue = Queue(database, f"redis://127.0.0.1:{unused_tcp_port}/0")
    job = await start_job(database)
    with pytest.raises((RedisError, OSError)):
        await queue.dispatcher.dispatch()
    assert await queue.enqueued() == {job.id: False}
    await queue.close()


async def test_what_fails_to_be_sent_on_the_way_is_put_back(database: Database, own_valkey: EmbeddedValkey) -> None:
    queue = Queue(database, own_valkey.url)
    job = await start_job(database)
    with Redis.from_url(own_valkey.url) as redis:
        redis.config_set("maxmemory", "1")  # reads still work, writes are refused
        with pytest.raises(RedisError):
            await queue.dispatcher.dispatch()
        assert await queue.enqueued() == {job.id: False}
        redis.config_set("maxmemory", "0")
    assert await queue.dispatcher.dispatch() == 1
    await queue.close()


async def test_the_dispatcher_continues_once_redis_is_back_and_wakes_on_a_nudge(
    database: Database, own_valkey: EmbeddedValkey
) -> None:
    queue = Queue(database, own_valkey.url)
    await own_valkey.stop()
    job = await start_job(database)
    running = asyncio.create_task(queue.dispatcher.run())
    queue.dispatcher.nudge()
    await asyncio.sleep(0.3)
    assert not running.done()
    assert await queue.enqueued() == {job.id: False}
    await own_valkey.start()
    async with asyncio.timeout(60):
        while not (await queue.enqueued())[job.id]:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait((running,))
    await queue.close()


async def test_with_plenty_of_messages_waiting_the_rest_stays_in_postgres_untouched(queue: Queue) -> None:
    queue.messages.send([UUID(int=n) for n in range(1_000)])
    job = await start_job(queue.database)
    assert await queue.dispatcher.dispatch() == 0
    assert await queue.enqueued() == {job.id: False}
    assert queue.messages.length() == 1_000


async def test_a_lost_message_is_sent_again_but_only_while_none_waits(queue: Queue, redis_url: str) -> None:
    job = await start_job(queue.database)
    await queue.dispatcher.dispatch()
    await queue.reconciler().reconcile()
    assert await queue.enqueued() == {job.id: True}, "its message still waits"
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    await queue.reconciler(lost_after=timedelta(hours=1)).reconcile()
    assert await queue.enqueued() == {job.id: True}, "too young to be lost"
    await queue.reconciler().reconcile()
    assert await queue.enqueued() == {job.id: False}
    assert await queue.dispatcher.dispatch() == 1


async def test_a_job_whose_worker_was_lost_is_due_again(queue: Queue) -> None:
    job = await start_job(queue.database)
    await queue.dispatcher.dispatch()
    await claim_next(lifecycle_of(queue.database, lease=timedelta(milliseconds=1)))
    await asyncio.sleep(0.01)
    await queue.reconciler().reconcile()
    assert (await Jobs(queue.database).get("team", job.id)).status is JobStatus.PENDING
    assert await queue.dispatcher.dispatch() == 1


async def test_jobs_whose_workers_were_lost_end_where_they_may_not_be_tried_again(queue: Queue) -> None:
    lifecycle = lifecycle_of(queue.database, lease=timedelta(milliseconds=1))
    failed, cancelled = await start_job(queue.database), await start_job(queue.database)
    await claim_next(lifecycle)
    await claim_next(lifecycle)
    await lifecycle.cancel("team", cancelled.id)
    await asyncio.sleep(0.01)
    await queue.reconciler(retry=RetryPolicy(max_attempts=1)).reconcile()
    jobs = Jobs(queue.database)
    assert (await jobs.get("team", failed.id)).status is JobStatus.FAILED
    assert (await jobs.get("team", cancelled.id)).status is JobStatus.CANCELLED


async def test_expired_leases_are_taken_care_of_also_without_redis(database: Database, unused_tcp_port: int) -> None:
    queue = Queue(database, f"redis://127.0.0.1:{unused_tcp_port}/0")
    job = await start_job(database)
    await claim_next(lifecycle_of(database, lease=timedelta(milliseconds=1)))
    await asyncio.sleep(0.01)
    with pytest.raises((RedisError, OSError)):
        await queue.reconciler().reconcile()
    assert (await Jobs(database).get("team", job.id)).status is JobStatus.PENDING
    await queue.close()
