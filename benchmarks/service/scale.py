"""What calls take with a million jobs in a thousand workspaces, beside the same calls with hardly any job."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import grpc
import psycopg
from google.protobuf.message import Message
from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as pb

from benchmarks.service import stack
from benchmarks.service.load import Stream, Unary, channels
from benchmarks.service.results import Results, percentile

WORKSPACES = 1_000
WAITING = 50_000  # of all jobs, in the workspace that the calls name
_CALLS = 200
_WARMING_UP = 20
_RENDER = "/render.v1.RenderService/"
_ROWS = """
    INSERT INTO jobs (id, task_id, workspace_id, provider, spec, title, labels, status, finished_at, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(),
        CASE WHEN n <= %(waiting)s THEN 'default' ELSE 'bench-' || n %% %(workspaces)s END, provider, spec, 'Bench',
        jsonb_build_object('team', n %% 100),
        CASE WHEN n <= %(waiting)s OR n %% 10 = 0 THEN 'PENDING' ELSE 'COMPLETED' END,
        CASE WHEN n <= %(waiting)s OR n %% 10 = 0 THEN NULL ELSE now() END, now() - n * interval '1 second'
    FROM (SELECT provider, spec FROM jobs LIMIT 1) AS one, generate_series(%(first)s::int, %(last)s::int) AS n
"""
_ROWS_A_STATEMENT = 100_000


@dataclass(frozen=True, slots=True)
class Scale:
    """The seconds that a call takes, the median of many: of few jobs and of many."""

    few: Mapping[str, float]
    many: Mapping[str, float]
    jobs: int
    filled_in: float


async def compare(stores: stack.Stores, running: stack.Running, start: bytes, job_id: str, *, jobs: int) -> Scale:
    """Measure each call, fill the tables, and measure again.

    Args:
        stores: Where the jobs are; few of them.
        running: The server.
        start: The StartRenderRequest of a job, serialized.
        job_id: A job that has ended.
        jobs: How many jobs to add.
    """
    few = await _measure(running, start, job_id)
    began = time.perf_counter()
    async with await psycopg.AsyncConnection.connect(stores.postgres.url, autocommit=True) as connection:
        for first in range(1, jobs + 1, _ROWS_A_STATEMENT):
            bounds = {"first": first, "last": min(jobs, first + _ROWS_A_STATEMENT - 1)}
            await connection.execute(_ROWS, {"waiting": min(WAITING, jobs), "workspaces": WORKSPACES, **bounds})
        await connection.execute("VACUUM ANALYZE jobs")
        await connection.execute("VACUUM ANALYZE workspace_turns")
        filled_in = time.perf_counter() - began
        many = await _measure(running, start, job_id)
    return Scale(few, many, jobs, filled_in)


def show(results: Results, scale: Scale) -> None:
    """Print what was measured."""
    results.show(f"filling the tables with {scale.jobs:,} jobs", scale.filled_in, "s")
    for name, few in scale.few.items():
        results.show(f"{name}, lone caller, few jobs, p50", few * 1e3, "ms")
        results.show(f"{name}, {scale.jobs:,} jobs, p50", scale.many[name] * 1e3, "ms", at_most=1.5 * few * 1e3)


async def _measure(running: stack.Running, start: bytes, job_id: str) -> Mapping[str, float]:
    page = pb.ListJobsRequest(workspace_id="default", page_size=20)
    of_status = pb.ListJobsRequest(workspace_id="default", page_size=20, statuses=[job_pb2.JOB_STATUS_FAILED])
    of_label = pb.ListJobsRequest(workspace_id="default", page_size=20, labels={"team": "none"})
    watch = pb.WatchProgressRequest(workspace_id="default", job_id=job_id)
    async with channels(running.port, 1) as (channel,):
        calls = {
            "StartRender": _unary(channel, "StartRender", pb.StartRenderRequest.FromString(start)),
            "GetJob": _unary(channel, "GetJob", pb.GetJobRequest(workspace_id="default", job_id=job_id)),
            "ListJobs": _unary(channel, "ListJobs", page),
            "ListJobs of a status that nothing has": _unary(channel, "ListJobs", of_status),
            "ListJobs of a label that nothing has": _unary(channel, "ListJobs", of_label),
            "CancelJob": _unary(channel, "CancelJob", pb.CancelJobRequest(workspace_id="default", job_id=job_id)),
            "WatchProgress of an ended job": _stream(channel, watch),
        }
        return {name: await _median(call) for name, call in calls.items()}


def _unary(channel: grpc.aio.Channel, method: str, request: Message) -> Callable[[], Awaitable[object]]:
    call: Unary = channel.unary_unary(f"{_RENDER}{method}")
    serialized = request.SerializeToString()
    return lambda: call(serialized)


def _stream(channel: grpc.aio.Channel, request: pb.WatchProgressRequest) -> Callable[[], Awaitable[object]]:
    call: Stream = channel.unary_stream(f"{_RENDER}WatchProgress")
    serialized = request.SerializeToString()

    async def read() -> None:
        async for _ in call(serialized):
            pass

    return read


async def _median(call: Callable[[], Awaitable[object]]) -> float:
    found = []
    for number in range(_WARMING_UP + _CALLS):
        began = time.perf_counter()
        await call()
        if number >= _WARMING_UP:
            found.append(time.perf_counter() - began)
    return percentile(found, 0.5)
