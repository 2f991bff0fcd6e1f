"""A watch is ordered, unique, resumable and complete to the end, and needs Redis only for speed."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim
from render_service.db.jobs.jobs import Jobs
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import Job, JobEvent, JobStage, JobStatus
from render_service.embedded import EmbeddedValkey
from render_service.progress.hub import ProgressHub
from render_service.progress.payload import task_channel
from render_service.progress.publisher import Publisher
from render_service.progress.watch import Heartbeat, watch_job
from render_service.runtime.lifecycle import connect_redis
from tests.records import claim_next, lifecycle_of, start_job


class Service:
    """A hub that listens, a publisher, and the tables behind both."""

    def __init__(self, database: Database, hub: ProgressHub, publisher: Publisher, redis: "Redis") -> None:
        self.jobs = Jobs(database)
        self.lifecycle = lifecycle_of(database)
        self.database = database
        self.hub = hub
        self.publisher = publisher
        self.redis = redis

    async def watch(self, job: Job, after: int | None = None, begun: asyncio.Event | None = None) -> list[JobEvent]:
        """Return all events of a watch, to its end; fails where the end does not come."""
        events = []
        async with (
            asyncio.timeout(60),
            aclosing(watch_job(self.hub, self.jobs.history, job.id, job.task_id, after)) as updates,
        ):
            async for update in updates:
                if isinstance(update, JobEvent):
                    events.append(update)
                    if begun is not None:
                        begun.set()
        return events

    async def begin_watch(self, job: Job, after: int | None = None) -> "asyncio.Task[list[JobEvent]]":
        """Begin a watch, and wait until it has its first event and Redis knows of its subscription."""
        begun = asyncio.Event()
        watch = asyncio.create_task(self.watch(job, after, begun))
        async with asyncio.timeout(30):
            await begun.wait()
        await self.subscribed()
        return watch

    async def subscribed(self) -> None:
        """Wait until Redis knows of a watcher's subscription."""
        async with asyncio.timeout(30):
            while not await self.redis.pubsub_channels("task_updates:?*"):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(
    database: Database,
    redis_url: str,
    *,
    sweep_seconds: float = 60,
    beat_seconds: float = 60,
    command_seconds: float = 30,
) -> AsyncIterator[Service]:
    subscriptions = connect_redis(redis_url, timeout_seconds=None)
    redis = connect_redis(redis_url, timeout_seconds=command_seconds)
    hub = ProgressHub(subscriptions, Jobs(database).present, sweep_seconds=sweep_seconds, beat_seconds=beat_seconds)
    running = asyncio.create_task(hub.run())
    try:
        yield Service(database, hub, Publisher(redis), redis)
    finally:
        running.cancel()
        await asyncio.wait((running,))
        await subscriptions.aclose()
        await redis.aclose()


@pytest.fixture
async def service(database: Database, redis_url: str) -> AsyncIterator[Service]:
    async with serving(database, redis_url) as service:
        yield service


async def live(service: Service, job: Job, is_published: Callable[[JobEvent], bool] = lambda _: True) -> None:
    """Bring a job through its stages to its end, publishing the events that `is_published` selects."""

    async def publish(event: JobEvent) -> None:
        if is_published(event):
            await service.publisher.publish(event)
        await asyncio.sleep(0)

    claim = await claim_next(service.lifecycle)
    assert claim.lease.job_id == job.id
    await publish(claim.event)
    for percent in range(1, 100, 3):
        now = JobStage.COMPOSING if percent > 50 else JobStage.GENERATING if percent > 20 else JobStage.PREPARING
        report = await service.lifecycle.report(claim.lease, stage=now, progress=percent, message=str(percent))
        await publish(report.event)
    await publish(await service.lifecycle.complete(claim.lease, None, None))


async def milestones(service: Service, job: Job, after: int = 0) -> list[int]:
    history = await service.jobs.history(job.id, after)
    assert history is not None
    return [event.sequence for event in history.events]


def check_promise(events: list[JobEvent], expected_milestones: list[int]) -> None:
    """Ordered, unique, complete, progress never falling, and the end last."""
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))
    assert set(expected_milestones) <= set(sequences), "a change of state or stage was skipped"
    assert [event.progress for event in events] == sorted(event.progress for event in events)
    assert [event.status.terminal for event in events] == [False] * (len(events) - 1) + [True]


async def test_a_watch_delivers_the_current_state_then_all_events_to_the_end(service: Service) -> None:
    job = await start_job(service.database)
    watch = await service.begin_watch(job)
    await live(service, job)
    events = await watch
    assert events[0].sequence == 1
    check_promise(events, await milestones(service, job))


async def test_a_watch_from_a_sequence_delivers_exactly_the_missed_events(service: Service) -> None:
    job = await start_job(service.database)
    await live(service, job)
    last = (await service.jobs.get("team", job.id)).sequence
    for after in range(last):
        events = await service.watch(job, after)
        assert [event.sequence for event in events] == await milestones(service, job, after)
        check_promise(events, [last])


async def test_a_watch_of_an_ended_job_always_delivers_the_end(service: Service) -> None:
    job = await start_job(service.database)
    event = await service.lifecycle.cancel("team", job.id)
    assert event is not None
    for after in (None, event.sequence):
        (received,) = await service.watch(job, after)
        assert (received.sequence, received.status) == (event.sequence, JobStatus.CANCELLED)


async def test_messages_lost_doubled_or_out_of_order_are_made_good_from_postgres(
    database: Database, redis_url: str
) -> None:
    chance = random.Random(7)
    for _ in range(6):
        async with serving(database, redis_url, sweep_seconds=0.1) as service:
            job = await start_job(database)
            held: list[JobEvent] = []

            def unreliable(event: JobEvent, held: list[JobEvent] = held) -> bool:
                held.append(event)
                return chance.random() < 0.3

            watches = [asyncio.create_task(service.watch(job, after)) for after in (None, 0, 1, None, 0)]
            living = asyncio.create_task(live(service, job, unreliable))
            while not living.done():
                await asyncio.sleep(0.005)
                if held:
                    await service.publisher.publish(*chance.choices(held, k=2))
            await living
            kept = await milestones(service, job)
            for watch in watches:
                events = await watch
                check_promise(events, [sequence for sequence in kept if sequence >= events[0].sequence])


async def test_a_gap_is_noticed_with_the_next_message_and_filled_at_once(service: Service) -> None:
    job = await start_job(service.database)
    watch = await service.begin_watch(job)
    await live(service, job, lambda event: event.status.terminal)
    check_promise(await watch, await milestones(service, job))


async def test_without_redis_the_sweep_still_delivers_events(database: Database, unused_tcp_port: int) -> None:
    async with serving(database, f"redis://127.0.0.1:{unused_tcp_port}/0", sweep_seconds=0.2) as service:
        job = await start_job(database)
        watch = asyncio.create_task(service.watch(job, 1))
        await live(service, job)
        check_promise(await watch, await milestones(service, job, 1))


async def test_a_cut_subscription_is_made_anew_and_loses_nothing(service: Service) -> None:
    job = await start_job(service.database)
    watch = await service.begin_watch(job)
    claim = await claim_next(service.lifecycle)
    await service.redis.client_kill_filter(_type="pubsub", skipme=False)
    await service.publisher.publish(claim.event)
    await service.publisher.publish(await service.lifecycle.complete(claim.lease, None, None))
    check_promise(await watch, await milestones(service, job))


async def test_watchers_that_come_and_go_while_subscriptions_are_cut_notice_nothing(service: Service) -> None:
    job = await start_job(service.database)
    claim = await claim_next(service.lifecycle)
    cutting = True

    async def cut() -> None:
        while cutting:
            await service.redis.client_kill_filter(_type="pubsub", skipme=False)
            await asyncio.sleep(0.003)

    async def come_and_go(number: int) -> None:
        chance = random.Random(number)
        while cutting:
            with service.hub.subscribe(f"task_updates:{chance.randrange(40)}"):
                await asyncio.sleep(chance.random() / 100)

    async with asyncio.TaskGroup() as group:
        group.create_task(cut())
        for number in range(20):
            group.create_task(come_and_go(number))
        await asyncio.sleep(3)
        cutting = False
    watch = await service.begin_watch(job, 1)
    await service.publisher.publish(await service.lifecycle.complete(claim.lease, None, None))
    check_promise(await watch, await milestones(service, job, 1))


async def test_watches_survive_a_redis_that_is_killed_and_comes_back_empty(
    database: Database, own_valkey: EmbeddedValkey
) -> None:
    async with serving(database, own_valkey.url, sweep_seconds=60) as service:
        job = await start_job(database)
        watch = await service.begin_watch(job)
        await own_valkey.stop()
        claim = await claim_next(service.lifecycle)
        await service.publisher.publish(claim.event)
        await own_valkey.start()
        async with asyncio.timeout(60):
            while not await service.redis.pubsub_channels("task_updates:?*"):
                await asyncio.sleep(0.02)
        event = await service.lifecycle.complete(claim.lease, None, None)
        while not watch.done():
            await service.publisher.publish(event)
            await asyncio.sleep(0.05)
        check_promise(await watch, await milestones(service, job))


async def test_what_others_publish_on_a_channel_disturbs_no_watch(service: Service) -> None:
    job = await start_job(service.database)
    watch = await service.begin_watch(job)
    for foreign in (b"", b"hello", b"{}", b"\xff\xfe", b'{"status": "COMPLETED"}'):
        await service.redis.publish(task_channel(job.task_id), foreign)
    await live(service, job)
    check_promise(await watch, await milestones(service, job))


async def test_a_quiet_watch_gives_signs_of_life_that_are_no_events(database: Database, redis_url: str) -> None:
    async with serving(database, redis_url, beat_seconds=0.05) as service:
        job = await start_job(database)
        async with (
            asyncio.timeout(60),
            aclosing(watch_job(service.hub, service.jobs.history, job.id, job.task_id, None)) as updates,
        ):
            assert isinstance(await anext(updates), JobEvent)
            for _ in range(3):
                assert isinstance(await anext(updates), Heartbeat)


async def test_a_sequence_of_the_future_is_refused_with_the_present_one(service: Service) -> None:
    job = await start_job(service.database)
    with pytest.raises(DomainError) as refusal:
        await service.watch(job, 2)
    assert refusal.value.reason is ErrorReason.SEQUENCE_IN_FUTURE
    assert refusal.value.metadata == {"after_sequence": "2", "sequence": "1"}


async def test_a_sequence_whose_followers_are_gone_is_refused_with_the_oldest_that_works(service: Service) -> None:
    job = await start_job(service.database)
    await live(service, job)
    async with service.database.single() as connection:
        await connection.execute(sa.text("DELETE FROM job_events WHERE milestone < 4"))
    with pytest.raises(DomainError) as refusal:
        await service.watch(job, 1)
    assert refusal.value.reason is ErrorReason.CURSOR_PRUNED
    oldest = int(refusal.value.metadata["oldest"])
    check_promise(await service.watch(job, oldest), await milestones(service, job, oldest))


async def test_stopping_the_server_ends_every_watch_and_waits_for_all(service: Service) -> None:
    jobs = [await start_job(service.database) for _ in range(3)]
    watches = [asyncio.create_task(service.watch(job)) for job in jobs]
    while service.hub.watchers < 3:
        await asyncio.sleep(0.01)
    service.hub.close()
    await service.hub.wait_until_left(5)
    assert service.hub.watchers == 0
    watches.append(asyncio.create_task(service.watch(jobs[0])))
    for watch in watches:
        with pytest.raises(DomainError) as refusal:
            await watch
        assert refusal.value.reason is ErrorReason.SHUTTING_DOWN
        assert refusal.value.retry_after_seconds


async def test_watchers_that_leave_leave_nothing_behind(service: Service) -> None:
    job = await start_job(service.database)
    for pause in (0, 0, 0.001, 0.005, 0.02) * 6:
        watches = [asyncio.create_task(service.watch(job)) for _ in range(3)]
        await asyncio.sleep(pause)
        for watch in watches:
            watch.cancel()
        await asyncio.wait(watches)
    assert service.hub.watchers == 0
    async with asyncio.timeout(60):
        while await service.redis.pubsub_channels("task_updates:?*"):
            await asyncio.sleep(0.01)
        await asyncio.gather(*(service.database.ping() for _ in range(10)))


async def test_an_idle_watch_holds_no_connection_to_postgres(database_url: str, redis_url: str) -> None:
    database = Database(database_url, size=1)
    async with serving(database, redis_url) as service:
        jobs = [await start_job(database) for _ in range(5)]
        watches = [asyncio.create_task(service.watch(job)) for job in jobs]
        while service.hub.watchers < 5:
            await asyncio.sleep(0.01)
        for job in jobs:
            event = await service.lifecycle.cancel("team", job.id)
            assert event is not None
            while not watches[jobs.index(job)].done():
                await service.publisher.publish(event)
                await asyncio.sleep(0.02)
        assert [(await watch)[-1].status for watch in watches] == [JobStatus.CANCELLED] * 5
    await database.close()


async def claimed(service: Service) -> Claim:
    await start_job(service.database)
    return await claim_next(service.lifecycle)


async def test_publishing_neither_raises_nor_holds_up_the_work_without_redis(
    database: Database, unused_tcp_port: int
) -> None:
    async with serving(database, f"redis://127.0.0.1:{unused_tcp_port}/0") as service:
        event = (await claimed(service)).event
        async with asyncio.timeout(60):
            for _ in range(200):
                await service.publisher.publish(event)


async def test_publishing_into_a_frozen_redis_holds_up_the_work_only_for_moments(
    database: Database, own_valkey: EmbeddedValkey
) -> None:
    async with serving(database, own_valkey.url, command_seconds=1) as service:
        event = (await claimed(service)).event
        await service.publisher.publish(event)
        own_valkey.freeze()
        try:
            async with asyncio.timeout(60):
                for _ in range(200):
                    await service.publisher.publish(event)
        finally:
            own_valkey.thaw()


async def test_a_watch_of_a_job_that_was_removed_ends_as_not_found(service: Service) -> None:
    job = await start_job(service.database)
    async with service.database.single() as connection:
        await connection.execute(sa.text("DELETE FROM jobs"))
    with pytest.raises(DomainError) as refusal:
        await service.watch(job)
    assert refusal.value.reason is ErrorReason.JOB_NOT_FOUND
    assert refusal.value.metadata == {"job_id": str(job.id)}
