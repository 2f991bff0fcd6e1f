"""Attacks by gRPC calls: memory, timing, storyboards, credentials and streams."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2
from render_client.v1 import project_pb2, render_service_pb2
from render_client.v1.render_service_pb2_grpc import RenderServiceStub

from benchmarks.probe.system import System, project, run_job, timed
from render_service.db.access.api_keys import ApiKeys, create_api_key
from render_service.db.database import Database
from tests.serving import bearer
from tests.wire import nested

if TYPE_CHECKING:
    from render_client.v1.render_service_pb2_grpc import RenderServiceAsyncStub

_BOMBS = 20
_MESSAGE_MIB = 4
_STREAMS = 2000
_GUESSES = 6
_HEALTH_WATCH = "/grpc.health.v1.Health/Watch"


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

        victim = asyncio.create_task(system.check_victim("memory bombs"))

        async def attack() -> None:
            while not victim.done():
                await asyncio.gather(*(send() for _ in range(_BOMBS)))
                await asyncio.sleep(1)  # Compressing them takes this machine's processor time, too.

        attacking = asyncio.create_task(attack())
        while not attacking.done():
            most = max(most, system.server_memory_mib())
            await asyncio.sleep(0.02)
        await attacking
        await victim
    # One message's cost in memory is at most 20 times its limit.
    system.verdict.check("memory bombs: the server's memory grows by", most - before, 20 * _MESSAGE_MIB, "MiB")


async def content_oracle(system: System) -> None:
    """Cards that the victim rendered are no faster to render for another workspace than cards that nobody did.

    The times of single jobs scatter, so several right and wrong guesses are compared: without an oracle, the right one
    of a pair is the faster one in about half of all pairs. Six of each exceed 0.95 by chance once in some 200 runs. A
    guess costs no more than any job, so the victim's speed is not measured here; what it could lose is its secret.
    """
    right: list[float] = []
    wrong: list[float] = []
    for number in range(_GUESSES):
        secret = f"Quarterly results: {number:04} {uuid.uuid4()}"
        await run_job(system.victim, secret, seconds=2.0)
        # In turns, so that a drift of the machine's speed favours neither.
        for guess, times in ((secret, right), (secret[::-1], wrong))[:: 1 if number % 2 else -1]:
            times.append(await timed(run_job(system.attacker, guess, seconds=2.0)))
    faster = sum(known < unknown for known in right for unknown in wrong) / (len(right) * len(wrong))
    system.verdict.check("content oracle: right guess faster, of all pairs", faster, 0.95, "")
    system.verdict.check("content oracle: wrong guess / right guess, medians", median(wrong) / median(right), 1.5, "x")


async def event_loop_hog(system: System) -> None:
    """Storyboards of the most shots and requests of nearly the most bytes, while the victim works and others call."""
    worst, largest = project("x" * 400, shots=200, seconds=0.5), _largest_project()
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
        for _ in range(3):
            await system.attacker.estimate(largest, provider="mock")
        await system.check_victim("storyboards of 200 shots")
        await asyncio.gather(*(system.attacker.cancel(job.job_id) for job in jobs))
    finally:
        ended.set()
        await calls
    system.verdict.check("storyboards of 200 shots: the victim's slowest GetJob takes", slowest, 1.0, "s")


async def revocation(system: System) -> None:
    """A watch that is open ends soon after its key is revoked; that of another key of the same workspace continues."""
    url = system.stack.postgres.url
    revoked, kept = [await create_api_key(url, name, frozenset({"attacker"})) for name in ("revoked", "of the victim")]
    request = render_service_pb2.WatchWorkspaceRequest(workspace_id="attacker")
    async with _channel(system, "revocation") as channel:
        watches = [RenderServiceStub(channel).WatchWorkspace(request, metadata=bearer(key)) for key in (revoked, kept)]
        ends = [asyncio.create_task(_end_of(watch)) for watch in watches]
        await asyncio.gather(*(watch.initial_metadata() for watch in watches))
        await _revoke(url, "revoked")
        took = await timed(asyncio.wait(ends[:1], timeout=15))
        is_open = not ends[1].done()
        await system.check_victim("revocation")
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*ends)
    system.verdict.check("revocation: the watch of a revoked key ends after", took, 10.0, "s")
    system.verdict.check("revocation: watches of other keys that ended", 0 if is_open else 1, 0, "")


async def _end_of(watch: grpc.aio.UnaryStreamCall[Any, Any]) -> None:
    """Read a watch to its end, whatever that is."""
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
        while await watch.read() is not grpc.aio.EOF:
            pass


async def _revoke(url: str, name: str) -> None:
    database = Database(url)
    try:
        keys = ApiKeys(database)
        key = next(key for key in await keys.list() if key.name == name)
        await keys.revoke(key.id)
    finally:
        await database.close()


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
        watch_health: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(_HEALTH_WATCH)
        watches = [watch_health(health_pb2.HealthCheckRequest().SerializeToString()) for _ in range(_STREAMS)]
        reads = [asyncio.ensure_future(watch.read()) for watch in watches]
        await asyncio.wait(reads, timeout=10)
        await system.check_victim("streams")
        grown = system.server_memory_mib() - before
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    system.verdict.check(f"streams: {_STREAMS} of Health.Watch cost the server", grown, 16, "MiB")


async def _list(stub: "RenderServiceAsyncStub", request: render_service_pb2.ListJobsRequest, token: str) -> None:
    await stub.ListJobs(request, metadata=bearer(token), timeout=20)


def _largest_project() -> project_pb2.Project:
    """Return 200 shots with texts of full length in a script of three bytes a character: 5 MiB, with 30,000 words."""
    made = project("文" * 4_000, shots=200, seconds=45.0)
    for shot in made.storyboard.shots:
        shot.narration, shot.caption = "文" * 4_000, "文" * 1_000
        for number in range(150):
            word = shot.words.add(text="文" * 10)
            word.start.FromMilliseconds(200 * number)
            word.end.FromMilliseconds(200 * number + 199)
    return made


def _many_empty_shots(size: int) -> bytes:
    """Wire form of StartRenderRequest.project with so many bytes of empty shots; see protobuf's encoding."""
    body = bytes([project_pb2.Storyboard.SHOTS_FIELD_NUMBER << 3 | 2, 0]) * (size // 2)
    for number in (
        project_pb2.Project.STORYBOARD_FIELD_NUMBER,
        render_service_pb2.StartRenderRequest.PROJECT_FIELD_NUMBER,
    ):
        body = nested(number, body)
    return body


@asynccontextmanager
async def _channel(
    system: System, name: str, compression: grpc.Compression | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """A connection of its own: channels with equal options share one."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.primary_user_agent", name)]
    async with grpc.aio.insecure_channel(system.stack.target, options, compression) as channel:
        yield channel
