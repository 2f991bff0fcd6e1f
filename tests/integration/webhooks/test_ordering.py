"""Order per job holds under everything at once; asking again and forgetting never leave a delivery stuck."""

import asyncio
import random
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.webhooks.webhook_deliveries import WebhookDeliveries
from render_service.db.webhooks.webhook_outbox import Capacity, LeasedDelivery, WebhookOutbox
from render_service.db.webhooks.webhooks import Webhooks
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobError, JobStage, ProviderName
from render_service.domain.webhooks.webhook import DeliveryState
from tests.fakes.http_server import Fault, Request
from tests.integration.webhooks.receiver import EVERY, ReceivingServer, add_webhook, sending
from tests.integration.webhooks.test_sender import deliveries, events_of, hurry, run_job, until_state
from tests.records import HOUR, VIDEO, lifecycle_of, start_job

AMPLE = Capacity(1_000, 1_000, 1_000, {}, {})
DAY = timedelta(days=1)


async def lease_all(outbox: WebhookOutbox) -> list[LeasedDelivery]:
    """Take all that is due."""
    return await outbox.lease(AMPLE)


async def end(outbox: WebhookOutbox, leased: LeasedDelivery, state: DeliveryState = DeliveryState.DELIVERED) -> bool:
    return await outbox.end_try(leased, state, http_status=200, error="", delay=None)


async def one_by_one(database: Database, outbox: WebhookOutbox) -> list[int]:
    """Deliver all that is due, and what becomes due by that; return the sequences."""
    order = []
    while leased := await lease_all(outbox):
        for delivery in leased:
            order.append(delivery.sequence)
            assert await end(outbox, delivery)
    assert all(one.state is not DeliveryState.PENDING for one in await deliveries(database))
    return order


class Whims:
    """Answers at random: accepted, late, refused, dropped, or accepted but not heard of."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, request: Request) -> Fault | None:
        faults = (Fault(status=500), Fault(drop=True), Fault(drop=True, after=True), Fault(delay=0.03, after=True))
        return self._chance.choice((*faults, *[None] * 6))


async def work(database: Database, chance: random.Random) -> None:
    """Run jobs as a worker does, until none is left: some end, some fail, some are handed over first."""
    lifecycle = lifecycle_of(database)
    while claim := await lifecycle.claim(worker="test", providers=list(ProviderName), deadline=HOUR):
        for stage in chance.sample(list(JobStage), chance.randrange(1, 4)):
            await asyncio.sleep(chance.random() * 0.02)
            await lifecycle.report(claim.lease, stage=stage, progress=5, message="")
        match chance.randrange(3):
            case 0:
                await lifecycle.complete(claim.lease, None, VIDEO)
            case 1:
                fault = JobError(ErrorReason.INTERNAL, "no")
                await lifecycle.end_attempt(claim.lease, fault, retryable=False)
            case _:
                await lifecycle.release(claim.lease)


@pytest.mark.parametrize("seed", range(3))
async def test_no_event_is_lost_repeated_or_out_of_order_under_concurrency(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with ReceivingServer() as receiver, AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(sending(database))
        receiver.chooser = Whims(chance)
        webhooks = [await add_webhook(database, f"{receiver.url}/{number}", statuses=EVERY) for number in range(2)]
        jobs = [await start_job(database) for _ in range(25)]

        async def cancel_some() -> None:
            for job in chance.sample(jobs, 8):
                await asyncio.sleep(chance.random() * 0.05)
                await lifecycle_of(database).cancel("team", job.id)

        await asyncio.gather(*(work(database, chance) for _ in range(4)), cancel_some())
        async with asyncio.timeout(60):
            while any(one.state is DeliveryState.PENDING for one in await deliveries(database)):
                await hurry(database)
                await asyncio.sleep(0.05)
        kept = await deliveries(database)
    assert {one.state for one in kept} == {DeliveryState.DELIVERED}, "ten tries are enough against these whims"
    for number, webhook in enumerate(webhooks):
        for job in jobs:
            expected = await events_of(database, job)
            accepted = [
                one for one in receiver.accepted if one.path == f"/{number}" and one.data["job_id"] == str(job.id)
            ]
            assert list(dict.fromkeys(one.data["sequence"] for one in accepted)) == expected
            assert len({one.id for one in accepted}) == len(expected)
            assert sum(one.webhook_id == webhook.id and one.job_id == job.id for one in kept) == len(expected)


async def test_a_lease_that_was_lost_changes_nothing_any_more(database: Database) -> None:
    await add_webhook(database, "https://example.com/")
    await run_job(database)
    slow, quick = WebhookOutbox(database, lease=timedelta(0)), WebhookOutbox(database)
    [lost] = await lease_all(slow)
    [held] = await lease_all(quick)
    assert (lost.id, lost.attempt, held.attempt) == (held.id, 1, 2)
    assert not await end(slow, lost, DeliveryState.FAILED)
    await slow.give_back([lost])
    assert await lease_all(quick) == []
    assert await end(quick, held)
    assert [one.state for one in await deliveries(database)] == [DeliveryState.DELIVERED]


async def test_a_delivery_that_is_done_can_be_asked_for_again_under_the_same_id(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        receiver.faults = [("POST", Fault(status=410))]
        await add_webhook(database, receiver.url)
        await run_job(database)
        await until_state(database, DeliveryState.FAILED)
        [failed] = await deliveries(database)
        for number in (1, 2):
            again = await WebhookDeliveries(database).redeliver("team", failed.id)
            assert again.state is DeliveryState.PENDING
            await receiver.until(number)
            await until_state(database, DeliveryState.DELIVERED)
    assert len(set(receiver.ids)) == 1
    assert (await deliveries(database))[0].attempts == 3


async def test_asking_again_begins_the_schedule_anew(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        receiver.chooser = lambda request: Fault(status=500)
        await add_webhook(database, receiver.url)
        await run_job(database)
        await until_state(database, DeliveryState.FAILED, hurried=True)
        [failed] = await deliveries(database)
        await WebhookDeliveries(database).redeliver("team", failed.id)
        await until_state(database, DeliveryState.FAILED, hurried=True)
    assert len(receiver.requests) == 20


async def test_one_that_waits_is_sent_at_once_behind_those_of_its_job_that_come_before_it(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        receiver.faults = [("POST", Fault(status=500))]
        await add_webhook(database, receiver.url, statuses=EVERY)
        job = await run_job(database)
        async with asyncio.timeout(60):
            while not (waiting := await deliveries(database))[0].error:
                await asyncio.sleep(0.02)
        await WebhookDeliveries(database).redeliver("team", waiting[-1].id)
        await receiver.until(6, seconds=3)
    assert receiver.sequences(job.id) == await events_of(database, job)


async def test_a_redelivery_precedes_later_pending_deliveries(database: Database) -> None:
    await add_webhook(database, "https://example.com/", statuses=EVERY)
    await run_job(database)
    outbox = WebhookOutbox(database)
    [first] = await lease_all(outbox)
    await end(outbox, first)
    [second] = await lease_all(outbox)
    await outbox.end_try(second, DeliveryState.PENDING, http_status=500, error="", delay=timedelta(hours=1))
    await WebhookDeliveries(database).redeliver("team", first.id)
    await hurry(database)
    order = await one_by_one(database, outbox)
    assert order == sorted(order)
    assert order[0] == first.sequence
    assert len(order) == 6


async def test_two_of_a_job_that_end_at_the_same_moment_leave_none_waiting_for_ever(database: Database) -> None:
    await add_webhook(database, "https://example.com/", statuses=EVERY)
    await run_job(database)
    outbox = WebhookOutbox(database)
    [first] = await lease_all(outbox)
    await end(outbox, first)
    [second] = await lease_all(outbox)
    await WebhookDeliveries(database).redeliver("team", first.id)
    [again] = await lease_all(outbox)
    assert again.id == first.id
    await asyncio.gather(end(outbox, again), end(outbox, second))
    assert len(await one_by_one(database, outbox)) == 4


async def test_deliveries_are_kept_as_long_as_configured_and_those_that_still_wait_are_given_up(
    database: Database,
) -> None:
    await add_webhook(database, "https://example.com/", statuses=EVERY)
    jobs = [await run_job(database) for _ in range(3)]
    repository = WebhookDeliveries(database)
    assert await repository.forget(age=DAY) == 0
    async with database.single() as connection:
        aged = sa.text(
            "UPDATE webhook_deliveries SET created_at = created_at - interval '2 days' WHERE job_id = ANY(:ids)"
        )
        await connection.execute(aged, {"ids": [job.id for job in jobs[:2]]})
    rounds = 0
    while await repository.forget(age=DAY, batch=3):
        rounds += 1
        assert rounds < 20
    kept = await deliveries(database)
    assert {one.job_id for one in kept} == {jobs[2].id}
    assert {one.state for one in kept} == {DeliveryState.PENDING}


async def test_a_deleted_webhook_is_sent_nothing_more_and_its_deliveries_go_in_batches(database: Database) -> None:
    async with ReceivingServer() as receiver:
        gone = await add_webhook(database, f"{receiver.url}/gone", statuses=EVERY)
        stays = await add_webhook(database, f"{receiver.url}/stays")
        await run_job(database)
        await Webhooks(database).delete("team", gone.id)
        assert {one.webhook_id for one in await deliveries(database)} == {stays.id}
        async with sending(database):
            await receiver.until(1)
            await asyncio.sleep(0.3)
        await run_job(database)
    assert {delivery.path for delivery in receiver.accepted} == {"/stays"}
    repository = WebhookDeliveries(database)
    assert [await repository.forget(age=DAY, batch=4) for _ in range(3)] == [4, 2, 0]
    assert await count(database) == 2


async def count(database: Database) -> int:
    async with database.single() as connection:
        return int(await connection.scalar(sa.text("SELECT count(*) FROM webhook_deliveries")) or 0)


async def test_a_deleted_job_takes_its_deliveries_along_also_while_they_are_sent(database: Database) -> None:
    await add_webhook(database, "https://example.com/1", statuses=EVERY)
    await add_webhook(database, "https://example.com/2", statuses=EVERY)
    outbox = WebhookOutbox(database)
    jobs = [await run_job(database) for _ in range(40)]
    leased = await lease_all(outbox)
    assert len(leased) == 80
    random.Random(1).shuffle(leased)

    async def end_all() -> None:
        for delivery in leased:
            await end(outbox, delivery)

    async def ask_again() -> None:
        for delivery in leased:
            with suppress(DomainError):
                await WebhookDeliveries(database).redeliver("team", delivery.id)

    async def delete_all() -> None:
        for job in jobs:
            await Deletions(database).delete_job("team", job.id)

    async def forget_all() -> None:
        for _ in range(20):
            await WebhookDeliveries(database).forget(age=timedelta(milliseconds=1), batch=7)

    await asyncio.gather(end_all(), ask_again(), ask_again(), delete_all(), forget_all(), forget_all())
    assert await count(database) == 0


@pytest.mark.parametrize("workspace", ["team", "others"])
async def test_what_is_absent_or_elsewhere_is_not_found(database: Database, workspace: str) -> None:
    webhook = await add_webhook(database, "https://example.com/", workspace="theirs", statuses=EVERY)
    for attempt in (
        Webhooks(database).get(workspace, webhook.id),
        Webhooks(database).delete(workspace, webhook.id),
        WebhookDeliveries(database).redeliver(workspace, UUID(int=1)),
    ):
        with pytest.raises(DomainError):
            await attempt
