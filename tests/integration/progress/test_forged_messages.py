"""What others publish on a progress channel ends no watch, stops no process, and hides no end."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from render_service.db.database import Database
from render_service.domain.jobs.job import Job, JobEvent, JobStage, JobStatus, present_event
from render_service.progress.payload import encode_event, task_channel
from render_service.progress.watch import watch_job
from render_service.telemetry.metrics.server import PROGRESS_MESSAGES_IGNORED
from tests.integration.progress.test_watch import Service, serving
from tests.records import claim_next, start_job


async def tell_forged(service: Service, job: Job, forged: bytes) -> None:
    await service.subscribed()
    await service.redis.publish(task_channel(job.task_id), forged)


def forgeries(job: Job) -> dict[str, bytes]:
    real = replace(present_event(job), is_milestone=True)
    return {
        "end": encode_event(replace(real, status=JobStatus.COMPLETED, sequence=2, milestone=2, progress=100)),
        "late end": encode_event(replace(real, status=JobStatus.FAILED, sequence=2**62, milestone=2)),
        "progress": encode_event(
            replace(real, status=JobStatus.PROCESSING, sequence=2**62, is_milestone=False, stage=JobStage.COMPOSING)
        ),
        "nonsense": b"[" * 100_000,
        "wrong type": encode_event(real).replace(b'"sequence":1', b'"sequence":"1"'),
    }


@pytest.mark.parametrize("kind", ["end", "late end", "progress", "nonsense", "wrong type"])
async def test_a_forged_message_ends_no_watch_and_hides_no_end(database: Database, redis_url: str, kind: str) -> None:
    async with serving(database, redis_url, sweep_seconds=0.2) as service:
        job = await start_job(database)
        events: list[JobEvent] = []

        async def watch() -> None:
            async with aclosing(watch_job(service.hub, service.jobs.history, job.id, job.task_id, None)) as updates:
                events.extend([update async for update in updates if isinstance(update, JobEvent)])

        watching = asyncio.create_task(watch())
        await tell_forged(service, job, forgeries(job)[kind])
        await asyncio.sleep(0.3)
        assert not watching.done()
        claim = await claim_next(service.lifecycle)
        await service.publisher.publish(claim.event)
        await service.publisher.publish(await service.lifecycle.complete(claim.lease, None, None))
        async with asyncio.timeout(60):
            await watching
    assert events[-1].status is JobStatus.COMPLETED
    assert [event.status.terminal for event in events].count(True) == 1


async def test_invalid_messages_are_counted(database: Database, redis_url: str) -> None:
    before = PROGRESS_MESSAGES_IGNORED._value.get()
    async with serving(database, redis_url) as service:
        job = await start_job(database)
        watching = asyncio.create_task(service.watch(job))
        await tell_forged(service, job, b"nonsense")
        async with asyncio.timeout(60):
            while PROGRESS_MESSAGES_IGNORED._value.get() == before:
                await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.wait([watching])
