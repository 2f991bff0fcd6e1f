"""What waits for one watcher stays bounded, keeps milestones in order, and of progress only the latest."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest

from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobEvent
from render_service.progress.hub import Slot
from tests.unit.progress.test_payload import EVENT


def progress(sequence: int, milestone: int = 3) -> JobEvent:
    return replace(EVENT, sequence=sequence, milestone=milestone, is_milestone=False)


def milestone(sequence: int, number: int) -> JobEvent:
    return replace(EVENT, sequence=sequence, milestone=number, is_milestone=True)


def sequences(slot: Slot) -> list[int]:
    return [event.sequence for event in slot.take()]


def test_of_progress_only_the_latest_waits() -> None:
    slot = Slot("channel", EVENT.job_id)
    for sequence in range(8, 500):
        slot.offer(progress(sequence))
    assert sequences(slot) == [499]
    assert sequences(slot) == []


def test_milestones_wait_in_order_and_outdate_the_progress_before_them() -> None:
    slot = Slot("channel", EVENT.job_id)
    for event in (progress(8), milestone(9, 4), progress(10, 4), milestone(11, 5), progress(12, 5), progress(13, 5)):
        slot.offer(event)
    assert sequences(slot) == [9, 11, 13]


def test_a_watcher_that_does_not_read_costs_a_bounded_number_of_events_and_reads_the_rest_elsewhere() -> None:
    slot = Slot("channel", EVENT.job_id)
    for number in range(1_000):
        slot.offer(milestone(number, number))
        slot.offer(progress(number, number))
    assert slot.stale
    assert len(sequences(slot)) <= 33


def test_a_slot_of_many_jobs_is_bounded_too() -> None:
    slot = Slot("channel", None)
    for number in range(1_000):
        slot.offer(replace(progress(1), job_id=UUID(int=number)))
    assert len(sequences(slot)) <= 32


async def test_waiting_ends_with_whatever_there_is_to_do() -> None:
    for wake in (lambda slot: slot.offer(EVENT), Slot.mark_stale, Slot.mark_beat):
        slot = Slot("channel", EVENT.job_id)
        waiting = asyncio.create_task(slot.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        wake(slot)
        async with asyncio.timeout(60):
            await waiting


async def test_current_and_later_readers_learn_that_the_server_stops() -> None:
    slot = Slot("channel", EVENT.job_id)
    slot.offer(EVENT)
    slot.close()
    with pytest.raises(DomainError) as refusal:
        await slot.wait()
    assert refusal.value.reason is ErrorReason.SHUTTING_DOWN
    assert refusal.value.retry_after_seconds


async def test_an_event_between_two_waits_is_not_missed() -> None:
    slot = Slot("channel", None)
    slot.mark_beat()
    await slot.wait()
    slot.mark_stale()
    slot.mark_beat()
    await slot.wait()
    assert slot.stale


async def test_a_wait_that_is_given_up_as_an_event_arrives_does_not_lose_it() -> None:
    slot = Slot("channel", None)
    waiting = asyncio.create_task(slot.wait())
    await asyncio.sleep(0)
    slot.mark_stale()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(60):
        await slot.wait()
