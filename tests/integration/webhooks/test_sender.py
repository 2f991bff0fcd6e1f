"""Deliveries arrive, in order per job, whatever the receiver or the sender does."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook as Verifier

from render_service.db.database import Database
from render_service.db.webhooks.webhook_deliveries import DeliveryFilter, WebhookDeliveries
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import Job, JobError, JobStage, JobStatus
from render_service.domain.jobs.receiver import Receiver
from render_service.domain.jobs.request import JobOptions
from render_service.domain.warning import JobWarning, WarningCode
from render_service.domain.webhooks.webhook import Delivery, DeliveryState, event_id
from render_service.embedded.ports import free_port
from render_service.webhooks.signing import secrets_of
from render_service.webhooks.url_policy import host_of
from tests.fakes.http_server import Fault
from tests.integration.webhooks.receiver import EVERY, KEY, ReceivingServer, add_webhook, sending
from tests.records import VIDEO, claim_next, job_request, lifecycle_of, start_job

WARNING = JobWarning(WarningCode.CAPTION_TOO_FAST, "one.caption: too fast", "one", "caption")


async def run_job(database: Database, job: Job | None = None) -> Job:
    """Take a job through its life: six events."""
    job = job or await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    for stage in (JobStage.COMPOSING, JobStage.CHECKING, JobStage.UPLOADING):
        await lifecycle.report(lease, stage=stage, progress=50, message=stage)
        await lifecycle.report(lease, stage=stage, progress=60, message="no milestone")
    await lifecycle.complete(lease, None, VIDEO, [WARNING])
    return job


async def deliveries(database: Database, workspace: str = "team") -> list[Delivery]:
    """All deliveries of a workspace, oldest first."""
    found, _ = await WebhookDeliveries(database).list(workspace, DeliveryFilter(), after=None, limit=10_000)
    return found[::-1]


async def hurry(database: Database) -> None:
    """Let the time pass until every waiting delivery is to be tried again."""
    async with database.single() as connection:
        await connection.execute(
            sa.text("UPDATE webhook_deliveries SET due_at = now() WHERE due_at IS NOT NULL AND NOT leased")
        )


async def until_state(database: Database, state: DeliveryState, number: int = 1, *, hurried: bool = False) -> None:
    async with asyncio.timeout(60):
        while sum(one.state is state for one in await deliveries(database)) < number:
            if hurried:
                await hurry(database)
            await asyncio.sleep(0.02)


async def test_a_delivery_is_verified_by_the_reference_library_and_says_what_happened(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        await add_webhook(database, f"{receiver.url}/hook?a=1")
        job = await run_job(database, await start_job(database, job_request(labels={"batch": "7", "城市": "北京"})))
        await until_state(database, DeliveryState.DELIVERED)
    [request] = receiver.requests
    [secret] = secrets_of("team", [KEY])
    body = Verifier(secret).verify(request.body, dict(request.headers))
    assert (request.method, request.path, request.query) == ("POST", "/hook", {"a": ["1"]})
    assert request.headers["content-type"] == "application/json"
    [kept] = await deliveries(database)
    assert request.headers["webhook-id"] == event_id(job.id, kept.sequence)
    assert (kept.state, kept.http_status, kept.attempts, kept.error) == (DeliveryState.DELIVERED, 204, 1, "")
    assert body["type"] == "job.completed"
    assert body["timestamp"] == kept.create_time.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert body["data"] == {
        "job_id": str(job.id),
        "task_id": str(job.task_id),
        "workspace_id": "team",
        "sequence": kept.sequence,
        "status": "COMPLETED",
        "stage": None,
        "progress": 100,
        "message": "Completed",
        "attempt": 1,
        "error_reason": None,
        "error_message": None,
        "labels": {"batch": "7", "城市": "北京"},
        "warnings": [
            {"code": "CAPTION_TOO_FAST", "message": "one.caption: too fast", "shot_id": "one", "field": "caption"}
        ],
    }


async def test_a_failed_job_is_delivered_with_its_error(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        await add_webhook(database, receiver.url)
        await start_job(database)
        lease = (await claim_next(lifecycle_of(database))).lease
        error = JobError(ErrorReason.ASSET_INVALID, "The picture “a” is none.")
        await lifecycle_of(database).end_attempt(lease, error, retryable=False)
        await receiver.until(1)
    body = json.loads(receiver.accepted[0].body)
    assert body["type"] == "job.failed"
    assert (body["data"]["error_reason"], body["data"]["error_message"]) == ("ASSET_INVALID", error.message)


async def test_a_webhook_for_all_statuses_gets_every_event_in_order(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        await add_webhook(database, receiver.url, statuses=EVERY)
        jobs = [await run_job(database) for _ in range(20)]
        await receiver.until(20 * 6)
    for job in jobs:
        events = await events_of(database, job)
        assert len(events) == 6
        assert receiver.sequences(job.id) == events
        of_job = [delivery.data for delivery in receiver.accepted if delivery.data["job_id"] == str(job.id)]
        assert [data["status"] for data in of_job] == ["PENDING", *["PROCESSING"] * 4, "COMPLETED"]
        assert [data["stage"] for data in of_job][1:-1] == ["PREPARING", "COMPOSING", "CHECKING", "UPLOADING"]


async def events_of(database: Database, job: Job) -> list[int]:
    async with database.single() as connection:
        statement = sa.text("SELECT sequence FROM job_events WHERE job_id = :id ORDER BY sequence")
        return list((await connection.execute(statement, {"id": job.id})).scalars())


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (Fault(status=500), 500, "answered 500"),
        (Fault(status=404), 404, "answered 404"),
        (Fault(drop=True), 0, "did not respond with HTTP"),
        (Fault(delay=5), 0, "timed out"),
        (Fault(status=302), 302, "answered 302, and redirects are not followed"),
    ],
    ids=["500", "404", "dropped", "silent", "redirect"],
)
async def test_a_delivery_that_was_not_accepted_is_retried_byte_for_byte_before_the_next_of_its_job(
    database: Database, fault: Fault, status: int, error: str
) -> None:
    # A busy machine may take a while to answer: only the silent receiver is given up soon.
    timeout = timedelta(seconds=1.5 if fault.delay else 30)
    async with ReceivingServer() as receiver, sending(database, attempt_timeout=timeout):
        receiver.faults = [("POST", fault)] * 2
        await add_webhook(database, receiver.url, statuses=EVERY)
        job = await run_job(database)
        async with asyncio.timeout(30):
            while not any(one.error for one in await deliveries(database)):
                await asyncio.sleep(0.02)
        first, *others = await deliveries(database)
        assert (first.state, first.http_status, first.error) == (DeliveryState.PENDING, status, error)
        assert first.attempt_time is not None
        assert first.next_attempt_time is not None
        wait = (first.next_attempt_time - first.attempt_time).total_seconds()
        assert 5 <= wait <= 5 * 1.2 + 5
        assert [(one.attempts, one.next_attempt_time) for one in others] == [(0, None)] * 5
        async with asyncio.timeout(30):
            while len(receiver.accepted) < 6:
                await hurry(database)
                await asyncio.sleep(0.02)
    assert receiver.sequences(job.id) == await events_of(database, job)
    tries = [request for request in receiver.requests if request.headers["webhook-id"] == receiver.ids[0]]
    assert len(tries) == 3
    assert len({request.body for request in tries}) == 1
    [secret] = secrets_of("team", [KEY])
    for request in tries:
        Verifier(secret).verify(request.body, dict(request.headers))


async def test_a_receiver_that_was_down_gets_every_event_once_it_is_back(database: Database) -> None:
    port = free_port()
    async with sending(database):
        await add_webhook(database, f"http://127.0.0.1:{port}/", statuses=EVERY)
        job = await run_job(database)
        async with asyncio.timeout(30):
            while (await deliveries(database))[0].error != "cannot be reached":
                await asyncio.sleep(0.02)
        async with ReceivingServer(port) as receiver:
            await until_state(database, DeliveryState.DELIVERED, 6, hurried=True)
            assert receiver.sequences(job.id) == await events_of(database, job)


async def test_a_delivery_fails_after_the_last_attempt_and_the_next_of_the_job_is_sent(
    database: Database,
) -> None:
    async with ReceivingServer() as receiver, sending(database):
        receiver.chooser = lambda request: Fault(status=500) if b'"PENDING"' in request.body else None
        await add_webhook(database, receiver.url, statuses=(JobStatus.PENDING, JobStatus.COMPLETED))
        await run_job(database)
        await until_state(database, DeliveryState.DELIVERED, hurried=True)
    first, last = await deliveries(database)
    assert (first.state, first.attempts, first.error) == (DeliveryState.FAILED, 10, "answered 500")
    assert (last.state, last.attempts) == (DeliveryState.DELIVERED, 1)


async def test_410_ends_a_delivery_at_once_and_the_webhook_stays(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        receiver.faults = [("POST", Fault(status=410))]
        await add_webhook(database, receiver.url, statuses=(JobStatus.PENDING, JobStatus.COMPLETED))
        await run_job(database)
        await receiver.until(1)
        await until_state(database, DeliveryState.DELIVERED)
    first, last = await deliveries(database)
    assert (first.state, first.attempts, first.http_status) == (DeliveryState.FAILED, 1, 410)
    assert last.state is DeliveryState.DELIVERED


async def test_retry_after_postpones_the_next_attempt(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        receiver.faults = [("POST", Fault(status=429, retry_after="120"))]
        await add_webhook(database, receiver.url)
        await run_job(database)
        async with asyncio.timeout(60):
            while not (found := await deliveries(database)) or not found[0].error:
                await asyncio.sleep(0.02)
    [delivery] = found
    assert delivery.attempt_time is not None
    assert delivery.next_attempt_time is not None
    assert 120 <= (delivery.next_attempt_time - delivery.attempt_time).total_seconds() <= 120 * 1.2 + 5


async def test_a_webhook_gets_only_the_events_it_subscribed_to(database: Database) -> None:
    async with ReceivingServer() as receiver, sending(database):
        for path, statuses, labels in (
            ("ends", (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED), {}),
            ("pending", (JobStatus.PENDING,), {}),
            ("cancelled", (JobStatus.CANCELLED,), {}),
            ("labelled", (JobStatus.COMPLETED,), {"batch": "7", "city": "Rome"}),
            ("labelled-otherwise", (JobStatus.COMPLETED,), {"batch": "8"}),
        ):
            await add_webhook(database, f"{receiver.url}/{path}", statuses=statuses, labels=labels)
        await add_webhook(database, f"{receiver.url}/others", workspace="others", statuses=EVERY)
        labels = {"batch": "7", "city": "Rome", "more": "x"}
        labelled = await run_job(database, await start_job(database, job_request(labels=labels)))
        plain = await run_job(database, await start_job(database, job_request(labels={"batch": "7"})))
        cancelled = await start_job(database)
        await lifecycle_of(database).cancel("team", cancelled.id)
        await receiver.until(8)
        await asyncio.sleep(0.3)
    delivered = {(one.path, one.data["job_id"], one.data["status"]) for one in receiver.accepted}
    assert delivered == {
        ("/ends", str(labelled.id), "COMPLETED"),
        ("/ends", str(plain.id), "COMPLETED"),
        ("/ends", str(cancelled.id), "CANCELLED"),
        ("/pending", str(labelled.id), "PENDING"),
        ("/pending", str(plain.id), "PENDING"),
        ("/pending", str(cancelled.id), "PENDING"),
        ("/cancelled", str(cancelled.id), "CANCELLED"),
        ("/labelled", str(labelled.id), "COMPLETED"),
    }
    assert len(receiver.accepted) == len(delivered)


async def test_the_webhook_of_a_job_is_delivered_besides_those_of_the_workspace(
    database: Database,
) -> None:
    async with ReceivingServer() as receiver, sending(database):
        url = f"{receiver.url}/job"
        own = Receiver(url, host_of(url), (JobStatus.PENDING, JobStatus.COMPLETED))
        await add_webhook(database, f"{receiver.url}/workspace")
        job = await run_job(
            database, await start_job(database, replace(job_request(), options=JobOptions(webhook=own)))
        )
        await run_job(database)
        await receiver.until(4)
    mine = [
        (delivery.path, delivery.data["status"])
        for delivery in receiver.accepted
        if delivery.data["job_id"] == str(job.id)
    ]
    assert sorted(mine) == [("/job", "COMPLETED"), ("/job", "PENDING"), ("/workspace", "COMPLETED")]
    ids = {
        delivery.id
        for delivery in receiver.accepted
        if delivery.data["status"] == "COMPLETED" and (delivery.data["job_id"] == str(job.id))
    }
    assert len(ids) == 1, "one event has one id for all webhooks"


async def test_two_keys_sign_side_by_side_while_one_replaces_the_other(database: Database) -> None:
    new = b"n" * 32
    async with ReceivingServer() as receiver, sending(database, keys=[new, KEY]):
        await add_webhook(database, receiver.url)
        await run_job(database)
        await receiver.until(1)
    [request] = receiver.requests
    secrets = secrets_of("team", [new, KEY])
    assert len(set(secrets)) == 2
    for secret in secrets:
        Verifier(secret).verify(request.body, dict(request.headers))
    assert set(secrets).isdisjoint(secrets_of("others", [new, KEY])), "every workspace has secrets of its own"


async def test_what_a_killed_sender_was_at_is_sent_again_under_the_same_id(database: Database) -> None:
    async with ReceivingServer() as receiver:
        receiver.chooser = lambda request: Fault(delay=60, after=True)
        await add_webhook(database, receiver.url, statuses=(JobStatus.COMPLETED,))
        job = await run_job(database)
        async with sending(database, lease=timedelta(seconds=3)) as killed:
            async with asyncio.timeout(60):
                while not receiver.requests:
                    await asyncio.sleep(0.01)
            # As after SIGKILL: nothing is released, and the response is lost.
            tasks = list(killed._sending)
            killed._sending.clear()
            for task in tasks:
                task.remove_done_callback(killed._sent)
                task.cancel()
            receiver.chooser = lambda request: None
            await receiver.until(1)
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == 2
    assert set(ids) == {event_id(job.id, (await deliveries(database))[0].sequence)}


async def test_a_sender_that_ends_leaves_what_was_not_answered_to_others_at_once(database: Database) -> None:
    async with ReceivingServer() as receiver:
        receiver.faults = [("POST", Fault(delay=60))]
        await add_webhook(database, receiver.url)
        await run_job(database)
        async with sending(database):
            async with asyncio.timeout(60):
                while not receiver.requests:
                    await asyncio.sleep(0.01)
        async with sending(database):
            await receiver.until(1)
            await until_state(database, DeliveryState.DELIVERED)
    assert (await deliveries(database))[0].attempts == 2


async def test_a_sender_ends_also_where_it_is_nudged_at_the_same_moment(database: Database) -> None:
    async with sending(database) as sender:
        await asyncio.sleep(0.1)
        task = asyncio.create_task(sender.run())
        await asyncio.sleep(0)
        sender.nudge()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=60)
        assert task.cancelled()
