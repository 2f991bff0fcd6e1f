"""How late events reach few watchers, and how long a job waits for an idle worker."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from redis.asyncio import Redis
from render_client.v1 import render_service_pb2 as pb

from benchmarks.service import stack
from benchmarks.service.bare import SERVICE
from benchmarks.service.load import Stream, Unary, channels
from benchmarks.service.results import Results, percentile, processor_seconds
from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle
from render_service.domain.jobs.job import JobStage, ProviderName, RawResults
from render_service.domain.retry import RetryPolicy
from render_service.progress.publisher import Publisher
from render_service.runtime.lifecycle import connect_redis

JOBS = 100
_WATCHERS_EACH = 10
_ROUNDS = 5
_LONE_EVENTS = 300
_GAP_SECONDS = 0.01
_STARTS = 100
_IDLE_SECONDS = 10.0
_CONNECTIONS = 4
_HEARTBEAT_BYTES = 50  # at most; an event has more
_RENDER = "/render.v1.RenderService/"

Send = Callable[[int], Awaitable[float]]
"""Sends an event to the watchers of the n-th topic; returns when it was sent or committed, as `time.monotonic`."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late watchers received events, in seconds: all but 1 %, of many jobs with ten watchers, and of a lone one."""

    many: float
    lone: float


@dataclass(frozen=True, slots=True)
class Starts:
    """Seconds from the start of jobs to PROCESSING, and the share of a core that an idle worker uses."""

    waits: Sequence[float]
    idle: float


async def watch_bare(running: stack.Running, stdin: asyncio.StreamWriter) -> Lateness:
    """Send events to the watchers of the bare server."""

    async def send(number: int) -> float:
        sent = time.monotonic()
        stdin.write(b"%d event\n" % number)
        await stdin.drain()
        return sent

    return await _watch(running, f"/{SERVICE}/Watch", [b"%d" % number for number in range(JOBS)], send)


async def watch_jobs(running: stack.Running, stores: stack.Stores, start: bytes) -> Lateness:
    """Report the progress of claimed jobs to their watchers.

    Args:
        running: The server.
        stores: Where its jobs are.
        start: The StartRenderRequest of a job, serialized.
    """
    async with channels(running.port, 1) as (channel,):
        call: Unary = channel.unary_unary(f"{_RENDER}StartRender")
        for _ in range(JOBS):
            await call(start)
    async with _reporter(stores) as (lifecycle, publisher, claims):
        progress = 0

        async def send(number: int) -> float:
            nonlocal progress
            progress += 1
            stage = (JobStage.COMPOSING, JobStage.UPLOADING)[progress % 2]
            report = await lifecycle.report(claims[number].lease, stage=stage, progress=progress % 100, message="Busy")
            committed = time.monotonic()
            await publisher.publish(report.event)
            return committed

        requests = [
            pb.WatchProgressRequest(workspace_id="default", job_id=str(claim.lease.job_id)).SerializeToString()
            for claim in claims
        ]
        return await _watch(running, f"{_RENDER}WatchProgress", requests, send)


async def publish_latency(stores: stack.Stores) -> float:
    """Return how long Valkey takes to forward a message to a subscriber, in seconds: all but 1 % of the messages."""
    redis = _redis(stores)
    found = []
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe("bench")
        await pubsub.get_message(timeout=None)
        for _ in range(_LONE_EVENTS):
            sent = time.monotonic()
            await redis.publish("bench", b"x" * 300)
            await pubsub.get_message(timeout=None)
            found.append(time.monotonic() - sent)
            await asyncio.sleep(_GAP_SECONDS)
    await redis.aclose()
    return percentile(found, 0.99)


async def start_jobs(stores: stack.Stores, running: stack.Running, start: bytes) -> Starts:
    """Start jobs one after the other on an idle worker.

    Args:
        stores: Where the jobs are; none may wait.
        running: The server.
        start: The StartRenderRequest of a job, serialized.
    """
    async with (
        stack.worker(stores, 2) as worker,
        channels(running.port, 1) as (channel,),
        await psycopg.AsyncConnection.connect(stores.postgres.url, autocommit=True) as connection,
    ):
        call: Unary = channel.unary_unary(f"{_RENDER}StartRender")
        watch: Stream = channel.unary_stream(f"{_RENDER}WatchProgress")
        waits = []
        for number in range(_STARTS + 1):
            job_id = pb.StartRenderResponse.FromString(await call(start)).job.job_id
            async for _ in watch(pb.WatchProgressRequest(workspace_id="default", job_id=job_id).SerializeToString()):
                pass
            row = await (
                await connection.execute(
                    "SELECT extract(epoch FROM started_at - created_at) FROM jobs WHERE id = %s", (job_id,)
                )
            ).fetchone()
            assert row is not None
            if number:  # the first one prepares statements
                waits.append(float(str(row[0])))
        used, began = processor_seconds(worker.pid), time.perf_counter()
        await asyncio.sleep(_IDLE_SECONDS)
        idle = (processor_seconds(worker.pid) - used) / (time.perf_counter() - began)
    return Starts(waits, idle)


def show(results: Results, bare: Lateness, ours: Lateness, valkey: float) -> None:
    """Print how late events were."""
    name = f"event to the {_WATCHERS_EACH} watchers of each of {JOBS} jobs, p99"
    results.show(f"{name}, bare", bare.many * 1e3, "ms")
    results.show(name, ours.many * 1e3, "ms", at_most=2 * bare.many * 1e3)
    results.show("event to a lone watcher, p99, bare server", bare.lone * 1e3, "ms")
    results.show("message through Valkey alone, p99", valkey * 1e3, "ms")
    most = 2 * bare.lone + valkey
    results.show("event to a lone watcher from its commit, p99", ours.lone * 1e3, "ms", at_most=most * 1e3)


def show_starts(results: Results, starts: Starts) -> None:
    """Print how long jobs waited for an idle worker."""
    results.show("start to PROCESSING, idle worker, p50", percentile(list(starts.waits), 0.5) * 1e3, "ms", at_most=15)
    results.show("start to PROCESSING, idle worker, p99", percentile(list(starts.waits), 0.99) * 1e3, "ms", at_most=40)
    results.show("idle worker, share of a core", starts.idle * 100, "%", at_most=3)


async def _watch(running: stack.Running, method: str, requests: Sequence[bytes], send: Send) -> Lateness:
    """Measure events for one topic after the other, each with ten watchers; then for the first one, with one."""
    many = await _receive(running, method, [r for r in requests for _ in range(_WATCHERS_EACH)], send, JOBS * _ROUNDS)
    lone = await _receive(running, method, requests[:1], send, _LONE_EVENTS)
    return Lateness(percentile(many, 0.99), percentile(lone, 0.99))


async def _receive(
    running: stack.Running, method: str, requests: Sequence[bytes], send: Send, events: int
) -> list[float]:
    """Return how late each watcher received each event; `requests` has one for each, those of a topic together."""
    topics = max(1, len(requests) // _WATCHERS_EACH)
    each = len(requests) // topics
    received: list[list[float]] = [[] for _ in requests]
    opened = asyncio.Semaphore(0)

    async with channels(running.port, _CONNECTIONS) as connected, AsyncExitStack() as exits:

        async def follow(number: int) -> None:
            call: Stream = connected[number % len(connected)].unary_stream(method)
            stream = call(requests[number]).__aiter__()
            await anext(stream)
            opened.release()
            async for message in stream:
                if len(message) > _HEARTBEAT_BYTES:
                    received[number].append(time.monotonic())

        for number in range(len(requests)):
            exits.callback(asyncio.create_task(follow(number)).cancel)
        async with asyncio.timeout(60):
            for _ in requests:
                await opened.acquire()
        await asyncio.sleep(1)  # what a watch sends at its beginning has arrived
        counts = [len(times) for times in received]
        sent: list[list[float]] = [[] for _ in range(topics)]
        for number in range(events):
            sent[number % topics].append(await send(number % topics))
            await asyncio.sleep(_GAP_SECONDS)
        async with asyncio.timeout(60):
            while any(
                len(times) - before < len(sent[number // each])
                for number, (times, before) in enumerate(zip(received, counts, strict=True))
            ):
                await asyncio.sleep(0.05)
    return [
        arrived - left
        for number, (times, before) in enumerate(zip(received, counts, strict=True))
        for arrived, left in zip(times[before:], sent[number // each], strict=False)
    ]


@asynccontextmanager
async def _reporter(stores: stack.Stores) -> AsyncIterator[tuple[JobLifecycle, Publisher, list[Claim]]]:
    """Claim the waiting jobs, as a worker does, and complete them at last."""
    database = Database(stores.postgres.url, size=2)
    redis = _redis(stores)
    lifecycle = JobLifecycle(database, lease=timedelta(minutes=5), retry=RetryPolicy())
    claims = []
    for _ in range(JOBS):
        claim = await lifecycle.claim(worker="bench", providers=[ProviderName.MOCK], deadline=timedelta(hours=1))
        assert claim is not None
        claims.append(claim)
    try:
        yield lifecycle, Publisher(redis), claims
        for claim in claims:
            await lifecycle.complete(claim.lease, RawResults("done", ()), None)
    finally:
        await redis.aclose()
        await database.close()


def _redis(stores: stack.Stores) -> Redis:
    return connect_redis(stores.environment["REDIS_URL"], timeout_seconds=5)
