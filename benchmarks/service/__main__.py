"""`make bench-service`: what the service costs around the rendering, beside a bare gRPC server in the same run.

Ratios count: server, stores and client share the processors of one machine. The last line is the verdict; the exit code
is 1 where a target is missed.
"""

import argparse
import sys
from collections.abc import Mapping

import uvloop
from render_client.v1 import output_pb2, project_pb2
from render_client.v1 import render_service_pb2 as pb

from benchmarks.service import processes, stack
from benchmarks.service.bare import SERVICE
from benchmarks.service.jobs import Throughput, finish_jobs
from benchmarks.service.load import CLIENTS, Load, channels, measure
from benchmarks.service.results import Results
from benchmarks.service.watchers import WATCHERS, Fan, watch_bare, watch_job

_RENDER = "/render.v1.RenderService/"
_WORKERS = ((2,), (8,), (32,), (8, 8))


async def main(seconds: float) -> int:
    """Measure everything; return the exit code."""
    results = Results()
    async with stack.bare() as (running, stdin):
        bare = await measure(running.port, running.pid, f"/{SERVICE}/Call", lambda _: b"x" * 64, seconds=seconds)
        bare_fan = await watch_bare(running, stdin)
    async with stack.stores() as stores, stack.server(stores) as running:
        job_id = (await _start(running.port)).job.job_id
        fan = await watch_job(running, stores, job_id)
        start = _request().SerializeToString()
        started = await measure(running.port, running.pid, f"{_RENDER}StartRender", lambda _: start, seconds=seconds)
        get = pb.GetJobRequest(workspace_id="default", job_id=job_id).SerializeToString()
        got = await measure(running.port, running.pid, f"{_RENDER}GetJob", lambda _: get, seconds=seconds)
        page = pb.ListJobsRequest(workspace_id="default", page_size=20).SerializeToString()
        listed = await measure(running.port, running.pid, f"{_RENDER}ListJobs", lambda _: page, seconds=seconds)
        results.show("server ready after its start", running.started_in, "s", at_most=0.7)
        finished = {slots: await finish_jobs(stores, slots, seconds=seconds) for slots in _WORKERS}
        compared = await processes.compare(stores, job_id, seconds=seconds)
    _show_calls(results, bare, started, got, listed)
    _show_watchers(results, bare_fan, fan)
    _show_jobs(results, finished)
    processes.show(results, compared)
    print(results.verdict())
    return 1 if results.missed else 0


def _show_calls(results: Results, bare: Load, started: Load, got: Load, listed: Load) -> None:
    results.show(f"bare call, {CLIENTS} clients", bare.rate, "/s")
    results.show("bare call, processor time of the server", bare.processor * 1e3, "ms")
    for name, load, share, most in (
        ("StartRender", started, 0.5, 0.8),
        ("GetJob", got, 0.6, 0.5),
        ("ListJobs of 20", listed, 0.25, None),
    ):
        results.show(f"{name}, {CLIENTS} clients", load.rate, "/s", at_least=share * bare.rate)
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


def _show_jobs(results: Results, finished: Mapping[tuple[int, ...], Throughput]) -> None:
    for slots, throughput in finished.items():
        name = f"mock jobs, {len(slots)} × {slots[0]} slots"
        least = 1.7 * finished[slots[:1]].rate if len(slots) > 1 else None
        results.show(name, throughput.rate, "/s", at_least=least)
        results.show(f"{name}, processor time of workers", throughput.processor * 1e3, "ms", at_most=2.0)
    results.show("worker ready after its start", finished[_WORKERS[0]].started_in, "s", at_most=1.0)


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
        answer = await channel.unary_unary(f"{_RENDER}StartRender")(_request().SerializeToString())
    return pb.StartRenderResponse.FromString(answer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="how long each kind of call is measured")
    sys.exit(uvloop.run(main(parser.parse_args().seconds)))
