"""The last events of a server that stops are published before it closes its connections."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from render_service.domain.jobs.job import JobEvent, JobStatus
from render_service.progress.publisher import Publisher
from render_service.queue.dispatcher import Dispatcher
from render_service.server.services.job_notifier import JobNotifier

EVENT = JobEvent(
    uuid4(),
    uuid4(),
    "team",
    sequence=1,
    milestone=1,
    is_milestone=True,
    status=JobStatus.PENDING,
    stage=None,
    progress=0,
    message="",
    attempt=0,
    timestamp=datetime.now(UTC),
)


class SlowPublisher(Publisher):
    """Publishes once Redis answers."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.redis_answers = asyncio.Event()
        self.batches: list[tuple[JobEvent, ...]] = []

    @property
    def published(self) -> list[JobEvent]:
        return [event for batch in self.batches for event in batch]

    async def publish(self, *events: JobEvent) -> None:
        self.begun.set()
        await self.redis_answers.wait()
        self.batches.append(events)


class IdleDispatcher(Dispatcher):
    """Dispatches nothing."""

    def __init__(self) -> None:
        self.nudges = 0
        self.sent: list[UUID] = []

    def nudge(self) -> None:
        self.nudges += 1

    def send(self, job_id: UUID) -> None:
        self.sent.append(job_id)


@pytest.mark.parametrize("events", [0, 1, 3])
async def test_closing_waits_for_the_events_that_are_being_published(events: int) -> None:
    publisher = SlowPublisher()
    notifier = JobNotifier(publisher, IdleDispatcher())
    for _ in range(events):
        notifier.notify(EVENT)
    closing = asyncio.create_task(notifier.close(timeout_seconds=60))
    if events:
        await publisher.begun.wait()
        assert not closing.done()
        publisher.redis_answers.set()
    await closing
    assert publisher.published == [EVENT] * events


async def test_closing_does_not_wait_for_a_redis_that_never_answers() -> None:
    publisher = SlowPublisher()
    notifier = JobNotifier(publisher, IdleDispatcher())
    notifier.notify(EVENT)
    await publisher.begun.wait()
    async with asyncio.timeout(60):
        await notifier.close(timeout_seconds=0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_events_of_one_moment_are_published_together_and_those_that_follow_after_them() -> None:
    publisher = SlowPublisher()
    notifier = JobNotifier(publisher, IdleDispatcher())
    for sequence in (1, 2, 3):
        notifier.notify(replace(EVENT, sequence=sequence))
    await publisher.begun.wait()
    notifier.notify(replace(EVENT, sequence=4))
    publisher.redis_answers.set()
    await notifier.close(timeout_seconds=60)
    assert [[event.sequence for event in batch] for batch in publisher.batches] == [[1, 2, 3], [4]]


async def test_an_event_that_cannot_be_published_does_not_stop_those_that_follow() -> None:
    class FailingOnce(SlowPublisher):
        async def publish(self, *events: JobEvent) -> None:
            await super().publish(*events)
            if len(self.batches) == 1:
                raise ValueError("half a surrogate pair")

    publisher = FailingOnce()
    notifier = JobNotifier(publisher, IdleDispatcher())
    notifier.notify(EVENT)
    await publisher.begun.wait()
    notifier.notify(replace(EVENT, sequence=2))
    publisher.redis_answers.set()
    await notifier.close(timeout_seconds=60)
    assert [event.sequence for event in publisher.published] == [1, 2]


async def test_the_message_of_a_job_stored_as_sent_is_sent_and_others_are_left_to_the_outbox() -> None:
    publisher, dispatcher = SlowPublisher(), IdleDispatcher()
    publisher.redis_answers.set()
    notifier = JobNotifier(publisher, dispatcher)
    notifier.notify(EVENT, is_sent=True)
    assert (dispatcher.sent, dispatcher.nudges) == ([EVENT.job_id], 0)
    notifier.notify(replace(EVENT, sequence=2))
    assert (dispatcher.sent, dispatcher.nudges) == ([EVENT.job_id], 1)
    await notifier.close(timeout_seconds=60)
