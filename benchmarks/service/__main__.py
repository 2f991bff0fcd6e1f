"""`make bench-service`: what the service costs around the rendering, beside a bare gRPC server and the usual stack.

Ratios count: server, stores and client share the processors of one machine. The last line is the verdict; the exit code
is 1 where a target is missed.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import uvloop
from google.protobuf import json_format
from render_client.v1 import output_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb

from benchmarks.service import batches, http, latency, processes, scale, stack
from benchmarks.service.bare import SERVICE
from benchmarks.service.claims import WORKSPACES, time_claims
from benchmarks.service.jobs import Throughput, finish_jobs
from benchmarks.service.load import CLIENTS, Load, Unary, channels, measure
from benchmarks.service.results import Results
from benchmarks.service.usual_stack import UsualStack, measure_usual_stack
from benchmarks.service.watchers import WATCHERS, Fan, watch_bare, watch_job
from benchmarks.starting import run

_RENDER = "/render.v1.RenderService/"
_ANSWER_BYTES = 200  # about as many as a job has
# The share of bare calls a second that a call is to reach, and its processor time in milliseconds.
_TARGETS: Mapping[str, tuple[float, float | None]] = {
    "StartRender": (0.5, 0.8),
    "GetJob": (0.6, 0.5),
    "ListJobs of 20": (0.25, None),
}
_RUNS = 7  # of `render get`
_WORKERS = ((2,), (8,), (32,), (8, 8))


async def main(seconds: float, usual_python: Path, waiting: int, jobs: int) -> int:
    """Measure everything; return the exit code."""
    results = Results()
    async with stack.bare() as (running, stdin):
        bare = await measure(running, f"/{SERVICE}/Call", lambda _: b"x" * 64, seconds=seconds)
        sized = await measure(running, f"/{SERVICE}/Call", lambda _: b"x" * _ANSWER_BYTES, seconds=seconds)
        bare_fan = await watch_bare(running, stdin)
        bare_lateness = await latency.watch_bare(running, stdin)
    async with stack.stores() as stores:
        async with stack.server(stores) as running:
            results.show("server ready after its start", running.started_in, "s", at_most=0.7)
            job_id = (await _start(running.port)).job.job_id
            _show_watchers(results, bare_fan, await watch_job(running, stores, job_id))
            start = _request().SerializeToString()
            late = await latency.watch_jobs(running, stores, start)
            latency.show(results, bare_lateness, late, await latency.publish_latency(stores))
            latency.show_starts(results, await latency.start_jobs(stores, running, start))
            results.show("render get", await asyncio.to_thread(_time_get, running.port, job_id), "s", at_most=0.35)
            calls = await _measure_calls(running, job_id, seconds=seconds)
            _show_calls(results, bare, sized, calls)
        batches.show(results, await batches.start_batch(stores))
        processes.show(results, await processes.compare(stores, job_id, seconds=seconds))
        finished: dict[tuple[int, ...], Throughput] = {
            slots: await finish_jobs(stores, slots, seconds=seconds) for slots in _WORKERS
        }
        _show_jobs(results, finished)
        _show_claims(results, await asyncio.to_thread(time_claims, stores, (1, waiting)))
        usual = await measure_usual_stack(stores, usual_python, seconds=seconds)
        _show_usual_stack(results, usual, calls["StartRender"], finished)
        if jobs:
            async with stack.server(stores) as running:
                scale.show(results, await scale.compare(stores, running, start, job_id, jobs=jobs))
    # Stores of its own: no other job waits there.
    async with stack.stores() as stores:
        await _measure_http(results, stores, seconds=seconds)
    print(results.verdict())
    return 1 if results.missed else 0


async def _measure_http(results: Results, stores: stack.Stores, *, seconds: float) -> None:
    """Measure HTTP beside gRPC on a server of its own, which has both."""
    async with stack.server(stores, http=True) as running:
        job_id, watched_id = [(await _start(running.port)).job.job_id for _ in range(2)]
        fan = await watch_job(running, stores, job_id)
        events = await watch_job(running, stores, watched_id, partial(http.follow, running, watched_id))
        get = await measure(running, *_get_job(job_id), seconds=seconds)
        get_json = await http.measure_get_job(running, job_id, seconds=seconds)
        body = json_format.MessageToDict(_request(), preserving_proto_field_name=True)
        started = await http.measure_start(running, body, seconds=seconds)
        http.show(results, get, get_json, started, watched=fan, events=events)


async def _measure_calls(running: stack.Running, job_id: str, *, seconds: float) -> dict[str, Load]:
    """Measure each kind of call, from what only passes the guards to what is stored."""
    request = _request()
    start = request.SerializeToString()
    request.dry_run = True
    dry_run = request.SerializeToString()
    page = pb.ListJobsRequest(workspace_id="default", page_size=20).SerializeToString()
    return {
        "Health.Check": await measure(running, "/grpc.health.v1.Health/Check", lambda _: b"", seconds=seconds),
        "StartRender, dry run": await measure(running, f"{_RENDER}StartRender", lambda _: dry_run, seconds=seconds),
        "StartRender": await measure(running, f"{_RENDER}StartRender", lambda _: start, seconds=seconds),
        "GetJob": await measure(running, *_get_job(job_id), seconds=seconds),
        "ListJobs of 20": await measure(running, f"{_RENDER}ListJobs", lambda _: page, seconds=seconds),
    }


def _get_job(job_id: str) -> tuple[str, Callable[[int], bytes]]:
    request = pb.GetJobRequest(workspace_id="default", job_id=job_id).SerializeToString()
    return f"{_RENDER}GetJob", lambda _: request


def _time_get(port: int, job_id: str) -> float:
    """Return the seconds that `render get` takes, the least of several runs."""
    command = [str(Path(sys.executable).parent / "render"), "get", job_id]
    caller = {"RENDER_TARGET": f"127.0.0.1:{port}", "RENDER_WORKSPACE": "default"}
    return run(command, _RUNS, caller).elapsed


def _show_calls(results: Results, bare: Load, sized: Load, calls: Mapping[str, Load]) -> None:
    results.show(f"bare call, {CLIENTS} clients", bare.rate, "/s")
    results.show("bare call, processor time of the server", bare.processor * 1e3, "ms")
    results.show(f"bare call of {_ANSWER_BYTES} bytes", sized.rate, "/s")
    for name, load in calls.items():
        share, most = _TARGETS.get(name, (None, None))
        results.show(f"{name}, {CLIENTS} clients", load.rate, "/s", at_least=share and share * bare.rate)
        results.show(f"{name}, p50", load.median * 1e3, "ms")
        results.show(f"{name}, p99", load.slowest * 1e3, "ms")
        results.show(f"{name}, processor time of the server", load.processor * 1e3, "ms", at_most=most)


def _show_watchers(results: Results, bare: Fan, fan: Fan) -> None:
    for name, value, floor, most in (
        (f"opening {WATCHERS} watches of one job", fan.opening, bare.opening, 2.0),
        ("event to each of them, p99", fan.event, bare.event, 1.3),
        ("end to each of them, p99", fan.end, bare.end, 1.3),
    ):
        results.show(f"{name}, bare server", floor * 1e3, "ms")
        results.show(name, value * 1e3, "ms", at_most=most * floor * 1e3)
    results.show("memory of a parked watcher, bare server", bare.memory, "KiB")
    results.show("memory of a parked watcher", fan.memory, "KiB", at_most=26)


def _show_jobs(results: Results, finished: Mapping[tuple[int, ...], Throughput]) -> None:
    for slots, throughput in finished.items():
        name = f"mock jobs, {len(slots)} × {slots[0]} slots"
        least = 1.7 * finished[slots[:1]].rate if len(slots) > 1 else None
        results.show(name, throughput.rate, "/s", at_least=least)
        results.show(f"{name}, processor time of workers", throughput.processor * 1e3, "ms", at_most=2.0)
    results.show("worker ready after its start", finished[_WORKERS[0]].started_in, "s", at_most=1.0)


def _show_usual_stack(
    results: Results, usual: UsualStack, started: Load, finished: Mapping[tuple[int, ...], Throughput]
) -> None:
    best = max(throughput.rate for throughput in finished.values())
    results.show("usual stack, accepted requests", usual.accepted, "/s")
    results.show("usual stack, finished jobs", usual.finished, "/s")
    results.show("StartRender beside the usual stack", started.rate / usual.accepted, "×", at_least=3)
    results.show("mock jobs beside the usual stack", best / usual.finished, "×", at_least=5)


def _show_claims(results: Results, claims: Mapping[int, float]) -> None:
    few, many = claims
    results.show("claim while one job waits, in Postgres", claims[few] * 1e3, "ms")
    name = f"claim while {many:,} jobs of {WORKSPACES:,} workspaces wait"
    results.show(name, claims[many] * 1e3, "ms", at_most=1.5 * claims[few] * 1e3)


def _request() -> pb.StartRenderRequest:
    """Return a request with a small inline project, as callers send it."""
    shot = project_pb2.Shot(id="only", visual_description="A light in the dark")
    shot.duration.FromMilliseconds(500)
    return pb.StartRenderRequest(
        workspace_id="default",
        project=project_pb2.Project(title="Bench", storyboard=project_pb2.Storyboard(shots=[shot])),
        provider="mock",
        output=output_pb2.OutputOptions(quality=output_pb2.QUALITY_PRESET_DRAFT),
    )


async def _start(port: int) -> pb.StartRenderResponse:
    async with channels(port, 1) as (channel,):
        call: Unary = channel.unary_unary(f"{_RENDER}StartRender")
        answer = await call(_request().SerializeToString())
    return pb.StartRenderResponse.FromString(answer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="how long each kind of call is measured")
    parser.add_argument("--waiting", type=int, default=100_000, help="how many jobs wait while claims are measured")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="how many jobs fill the tables at last; 0: none")
    parser.add_argument("usual_python", type=Path, help="the interpreter that has the packages of the usual stack")
    given = parser.parse_args()
    sys.exit(uvloop.run(main(given.seconds, given.usual_python, given.waiting, given.jobs)))
