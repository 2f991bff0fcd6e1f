"""How late an event reaches a thousand watchers of one job, and how long it takes them all to begin."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as pb

from benchmarks.service.bare import SERVICE, age_seconds
from benchmarks.service.load import Stream, channels
from benchmarks.service.results import percentile, private_kib
from benchmarks.service.stack import Running, Stores
from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.domain.jobs.job import JobStage, ProviderName, RawResults
from render_service.domain.retry import RetryPolicy
from render_service.progress.publisher import Publisher
from render_service.runtime.lifecycle import connect_redis

WATCHERS = 1_000
EVENTS = 20
_GAP_SECONDS = 0.5
_CONNECTIONS = 10


@dataclass(slots=True)
class Fan:
    """Seconds: until every watcher had its first message, and how late each got an event and the end.

    `memory` is what the server's memory grew by for each watcher, in KiB.
    """

    opening: float = 0.0
    memory: float = 0.0
    events: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    @property
    def event(self) -> float:
        """How late all but 1 % of the events were."""
        return percentile(self.events, 0.99)

    @property
    def end(self) -> float:
        """How late all but 1 % of the watchers saw the end."""
        return percentile(self.ends, 0.99)


Follow = Callable[[Callable[[], None], Fan], Awaitable[None]]


async def watch_bare(running: Running, stdin: asyncio.StreamWriter) -> Fan:
    """Send events to the watchers of the bare server."""

    async def send(number: int) -> None:
        stdin.write(b"all end\n" if number == EVENTS else b"all event\n")
        await stdin.drain()

    def age(message: bytes, fan: Fan) -> None:
        (fan.ends if message[8:].startswith(b"end") else fan.events).append(age_seconds(message))

    return await _watch(running, f"/{SERVICE}/Watch", b"all", send, age)


async def watch_job(running: Running, stores: Stores, job_id: str, follow: Follow | None = None) -> Fan:
    """Report the progress of a claimed job to its watchers, and complete it.

    Args:
        running: The server.
        stores: Where the job is.
        job_id: The job.
        follow: Watches it, other than over gRPC.
    """
    database = Database(stores.postgres.url, size=1)
    redis = connect_redis(stores.environment["REDIS_URL"], timeout_seconds=2)
    lifecycle = JobLifecycle(database, lease=timedelta(minutes=5), retry=RetryPolicy())
    publisher = Publisher(redis)
    # While the server enqueues the job, its row is locked, and a claim passes over it.
    while (
        claim := await lifecycle.claim(worker="b", providers=[ProviderName.MOCK], deadline=timedelta(hours=1))
    ) is None:
        await asyncio.sleep(0.01)
    assert str(claim.lease.job_id) == job_id

    async def send(number: int) -> None:
        if number == EVENTS:
            event = await lifecycle.complete(claim.lease, RawResults("done", ("https://example.com/video.mp4",)), None)
        else:
            stage = JobStage.COMPOSING
            report = await lifecycle.report(claim.lease, stage=stage, progress=number, message="Rendering frames")
            event = report.event
        await publisher.publish(event)

    def age(message: bytes, fan: Fan) -> None:
        update = pb.WatchProgressResponse.FromString(message)
        if update.WhichOneof("update") != "event":
            return
        late = (datetime.now(UTC) - update.event.timestamp.ToDatetime(UTC)).total_seconds()
        (fan.ends if update.event.status == job_pb2.JOB_STATUS_COMPLETED else fan.events).append(late)

    request = pb.WatchProgressRequest(workspace_id="default", job_id=job_id).SerializeToString()
    try:
        return await _watch(running, "/render.v1.RenderService/WatchProgress", request, send, age, follow=follow)
    finally:
        await redis.aclose()
        await database.close()


async def _watch(
    running: Running,
    method: str,
    request: bytes,
    send: Callable[[int], Awaitable[None]],
    age: Callable[[bytes, Fan], None],
    *,
    follow: Follow | None = None,
) -> Fan:
    fan = Fan()
    opened = 0
    all_opened = asyncio.Event()

    before = private_kib(running.pid)
    async with channels(running.port, _CONNECTIONS) as connected:
        calls: list[Stream] = [channel.unary_stream(method) for channel in connected]

        def has_opened() -> None:
            nonlocal opened
            opened += 1
            if opened == WATCHERS:
                all_opened.set()

        async def watch(number: int) -> None:
            if follow is not None:
                await follow(has_opened, fan)
                return
            stream = calls[number % len(calls)](request).__aiter__()
            await anext(stream)
            has_opened()
            async for message in stream:
                age(message, fan)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(WATCHERS):
                group.create_task(watch(number))
            async with asyncio.timeout(120):
                await all_opened.wait()
            fan.opening = time.perf_counter() - began
            fan.memory = (private_kib(running.pid) - before) / WATCHERS
            for number in range(1, EVENTS + 1):
                await asyncio.sleep(_GAP_SECONDS)
                await send(number)
    return fan
