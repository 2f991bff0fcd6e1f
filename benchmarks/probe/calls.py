"""Attacks by gRPC calls: memory, timing, storyboards, credentials and streams."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from render_client import AsyncRenderClient
from render_client.v1 import render_service_pb2
from render_client.v1.render_service_pb2_grpc import RenderServiceStub

from benchmarks.probe.system import System, project, run_job, timed
from render_service.db.access.api_keys import ApiKeys, create_api_key
from render_service.db.database import Database
from tests.serving import bearer
from tests.wire import nested

_BOMBS = 20
_MESSAGE_MIB = 4
_STREAMS = 2000


async def memory_bombs(system: System) -> None:
    """Compressed StartRenders without credentials, each of a few kB that grow to nearly the largest message."""
    request = render_service_pb2.StartRenderRequest(workspace_id="victim")
    # Empty shots take two bytes on the wire and hundreds in memory.
    payload = request.SerializeToString() + _many_empty_shots(_MESSAGE_MIB * 1024 * 1024 - 64)
    before = most = system.server_memory_mib()
    async with _channel(system, "bombs", grpc.Compression.Gzip) as channel:
        call = channel.unary_unary(
            "/render.v1.RenderService/StartRender", request_serializer=bytes, response_deserializer=bytes
        )

        async def send() -> None:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await call(payload, timeout=20)

        attack = asyncio.gather(*(send() for _ in range(_BOMBS)))
        victim = asyncio.create_task(system.check_victim("memory bombs"))
        while not (attack.done() and victim.done()):
            most = max(most, system.server_memory_mib())
            await asyncio.sleep(0.02)
        await victim
    # One message's cost in memory is at most 20 times its limit.
    system.verdict.check("memory bombs: the server's memory grows by", most - before, 20 * _MESSAGE_MIB, "MiB")


async def content_oracle(system: System) -> None:
    """A card that the victim rendered is no faster to render for another workspace than one that nobody did."""
    secret = "Quarterly results: 4,711"
    await run_job(system.victim, secret, seconds=4.0)
    guesses = [await timed(run_job(system.attacker, f"Quarterly results: {n}", seconds=4.0)) for n in (1001, 1002)]
    right = await timed(run_job(system.attacker, secret, seconds=4.0))
    system.verdict.check("content oracle: wrong guess / right guess", min(guesses) / right, 1.5, "x")


async def event_loop_hog(system: System) -> None:
    """Storyboards of the most shots, started one after the other while the victim works and others call."""
    worst = project("x" * 400, shots=200, seconds=0.5)
    known = await system.victim.start(project("known"), provider="mock")
    await system.victim.wait(known.job_id)
    slowest = 0.0

    async def call_often(until: asyncio.Event) -> None:
        nonlocal slowest
        while not until.is_set():
            slowest = max(slowest, await timed(system.victim.get(known.job_id)))
            await asyncio.sleep(0.02)

    ended = asyncio.Event()
    calls = asyncio.create_task(call_often(ended))
    try:
        jobs = [await system.attacker.start(worst, provider="mock") for _ in range(3)]
        await system.check_victim("storyboards of 200 shots")
        await asyncio.gather(*(system.attacker.cancel(job.job_id) for job in jobs))
    finally:
        ended.set()
        await calls
    system.verdict.check("storyboards of 200 shots: the victim's slowest GetJob takes", slowest, 1.0, "s")


async def revocation(system: System) -> None:
    """A watch that is open ends soon after its key is revoked."""
    url = system.stack.postgres.url
    token = await create_api_key(url, "revoked", frozenset({"attacker"}))
    async with AsyncRenderClient(system.stack.target, token=token, workspace="attacker") as client:
        job = await client.start(project("long", shots=100, seconds=5.0), provider="local")
    request = render_service_pb2.WatchProgressRequest(workspace_id="attacker", job_id=job.job_id)
    async with _channel(system, "revocation") as channel:
        watch = RenderServiceStub(channel).WatchProgress(request, metadata=bearer(token))
        await watch.read()
        database = Database(url)
        try:
            keys = ApiKeys(database)
            key = next(key for key in await keys.list() if key.name == "revoked")
            await keys.revoke(key.id)
        finally:
            await database.close()
        began = time.monotonic()
        with contextlib.suppress(grpc.aio.AioRpcError, TimeoutError):
            async with asyncio.timeout(15):
                while await watch.read() is not grpc.aio.EOF:
                    pass
        took = time.monotonic() - began
        watch.cancel()
    await system.attacker.cancel(job.job_id)
    system.verdict.check("revocation: the watch of a revoked key ends after", took, 10.0, "s")


async def hanging_issuer(system: System) -> None:
    """Calls with unknown keys while the issuer of tokens hangs delay no call with a known key."""
    request = render_service_pb2.ListJobsRequest(workspace_id="team")
    async with _channel(system, "issuer") as channel:
        stub = RenderServiceStub(channel)
        good = system.issuer.token()
        await stub.ListJobs(request, metadata=bearer(good))
        system.issuer.hanging = True
        try:
            unknown = [
                asyncio.ensure_future(
                    stub.ListJobs(request, metadata=bearer(system.issuer.token(key_id=f"unknown-{n}")), timeout=15)
                )
                for n in range(20)
            ]
            took = await timed(asyncio.gather(*(_list(stub, request, good) for _ in range(20))))
            await system.check_victim("hanging issuer")
            for call in unknown:
                call.cancel()
            await asyncio.gather(*unknown, return_exceptions=True)
        finally:
            system.issuer.hanging = False
    system.verdict.check("hanging issuer: 20 calls with a known key take", took, 2.0, "s")


async def streams(system: System) -> None:
    """Health.Watch without credentials, thousands of times on one connection."""
    before = system.server_memory_mib()
    async with _channel(system, "streams") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(_STREAMS)]
        reads = [asyncio.ensure_future(watch.read()) for watch in watches]
        await asyncio.wait(reads, timeout=10)
        await system.check_victim("streams")
        grown = system.server_memory_mib() - before
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    system.verdict.check(f"streams: {_STREAMS} of Health.Watch cost the server", grown, 16, "MiB")


async def _list(stub: RenderServiceStub, request: render_service_pb2.ListJobsRequest, token: str) -> None:
    await stub.ListJobs(request, metadata=bearer(token), timeout=20)


def _many_empty_shots(size: int) -> bytes:
    """Wire form of StartRenderRequest.project with so many bytes of empty shots; see protobuf's encoding."""
    fields = render_service_pb2.StartRenderRequest.DESCRIPTOR.fields_by_name
    project_field = fields["project"]
    storyboard_field = project_field.message_type.fields_by_name["storyboard"]
    shots_field = storyboard_field.message_type.fields_by_name["shots"]
    body = bytes([shots_field.number << 3 | 2, 0]) * (size // 2)
    for field in (storyboard_field, project_field):
        body = nested(field.number, body)
    return body


@asynccontextmanager
async def _channel(
    system: System, name: str, compression: grpc.Compression | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """A connection of its own: channels with equal options share one."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.primary_user_agent", name)]
    async with grpc.aio.insecure_channel(system.stack.target, options, compression) as channel:
        yield channel
