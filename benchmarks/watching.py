"""Measures how fast the service recovers, and what watchers cost: `python -m benchmarks.watching`.

Everything has its default configuration, except that mock jobs are as short as possible. Each line shows a metric and
its limit; the exit code is 1 if a limit is exceeded.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psycopg
import uvloop
from render_client.v1 import render_service_pb2
from render_client.v1.render_service_pb2_grpc import RenderServiceStub

from render_service.embedded.supervisor import descendants
from tests.robustness.cluster import Cluster, Member
from tests.robustness.service import Caller, caller

if TYPE_CHECKING:
    from render_client.v1.render_service_pb2_grpc import RenderServiceAsyncStub

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
_WATCHERS = 1_000
_CHANNELS = 4
# A watcher in its own process, so that it can be frozen.
_WATCHER = """
import sys, grpc
from render_client.v1 import render_service_pb2 as pb
from render_client.v1.render_service_pb2_grpc import RenderServiceStub
with grpc.insecure_channel(sys.argv[1]) as channel:
    watch = pb.WatchProgressRequest(workspace_id="default", job_id=sys.argv[2])
    for _ in RenderServiceStub(channel).WatchProgress(watch):
        print("received", flush=True)
"""


class Metrics:
    """The measured metrics and their limits."""

    def __init__(self) -> None:
        self.all_met = True

    def report(self, name: str, value: float, limit: float, unit: str) -> None:
        """Print a metric and its upper limit."""
        is_met = value <= limit
        self.all_met = self.all_met and is_met
        print(f"{'ok  ' if is_met else 'FAIL'}  {name:58} {value:9.2f} {unit}  (at most {limit:g})", flush=True)


async def main(churn_seconds: float, only: str) -> bool:
    """Measure everything; return whether every limit is met."""
    metrics = Metrics()
    for name, measure in {
        "recovery": recovery,
        "redis": lost_queue,
        "frozen": frozen_watcher,
        "watchers": idle_watchers,
        "churn": lambda metrics: churn(metrics, churn_seconds),
        "idle": idle,
    }.items():
        if only in ("", name):
            await measure(metrics)
    return metrics.all_met


async def recovery(metrics: Metrics) -> None:
    """Kill a worker that runs a job, and terminate another."""
    async with _service(workers=2) as (cluster, calling):
        for name, act, limit in (
            ("job of a killed worker runs elsewhere after", Member.kill, 15.0),
            ("job of a terminated worker runs elsewhere after", _terminate, 2.0),
        ):
            await _until_ready(cluster)
            job = await calling.start()
            holder = await calling.holder(job.job_id)
            holder.kept = False
            began = time.monotonic()
            act(holder)
            await _until(cluster, "SELECT attempt = 2 FROM jobs WHERE id = %s", job.job_id)
            metrics.report(name, time.monotonic() - began, limit, "s")
            await calling.end_of(job.job_id)
            holder.kept = True


async def lost_queue(metrics: Metrics) -> None:
    """Kill Redis and delete its data while jobs are queued."""
    async with _service(workers=1, settings={"RENDER_WORKER_SLOTS": "8"}) as (cluster, calling):
        cluster.workers[0].freeze()
        for _ in range(5):
            await calling.start()
        await _until(cluster, "SELECT count(*) = 5 FROM jobs WHERE enqueued_at IS NOT NULL")
        cluster.valkey.kill()
        await cluster.valkey.stop()
        await cluster.valkey.wipe()
        await cluster.valkey.start()
        cluster.workers[0].thaw()
        began = time.monotonic()
        await _until(cluster, "SELECT bool_and(attempt > 0) FROM jobs")
        metrics.report("all jobs queued in a wiped Redis run after", time.monotonic() - began, 15.0, "s")


async def frozen_watcher(metrics: Metrics) -> None:
    """Freeze a watcher whose connection stays open."""
    async with _service(workers=0) as (cluster, calling):
        job = await calling.start()
        server = cluster.servers[0]
        watcher = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WATCHER, f"127.0.0.1:{server.listen}", job.job_id, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert watcher.stdout is not None
            await watcher.stdout.readline()
            before = _connections(server.listen)
            watcher.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            await _until_true(lambda: _connections(server.listen) < before)
            metrics.report("frozen watcher is disconnected after", time.monotonic() - began, 10.0, "s")
        finally:
            watcher.kill()
            await watcher.wait()


async def idle_watchers(metrics: Metrics) -> None:
    """Keep a thousand watchers of a thousand waiting jobs open while other clients call."""
    async with _service(workers=1) as (cluster, calling):
        server = cluster.servers[0]
        job_ids = await _waiting_jobs(cluster, calling, _WATCHERS + 50)
        async with _watching(server, job_ids[:50]):
            pass
        await asyncio.sleep(1)
        before = _memory_kib(server)
        async with _watching(server, job_ids[50:]):
            await asyncio.sleep(3)
            each = (_memory_kib(server) - before) / _WATCHERS
            metrics.report("server memory per idle watcher", each, 40.0, "KiB")
            metrics.report("database connections busy meanwhile, median", await _busy(cluster), 0, "")
            calls = [await _seconds(calling.client.get(job_ids[0])) for _ in range(100)]
            jobs = [await _seconds(_run(calling)) for _ in range(5)]
            metrics.report("GetJob beside 1,000 idle watchers, median", 1000 * statistics.median(calls), 50, "ms")
            metrics.report("GetJob beside 1,000 idle watchers, slowest of 100", 1000 * max(calls), 500, "ms")
            metrics.report("a mock job of 0.4 s watched beside them, median", statistics.median(jobs), 2.0, "s")


async def churn(metrics: Metrics, seconds: float) -> None:
    """Connect and disconnect watchers, some of them before the first response."""
    async with _service(workers=0) as (cluster, calling):
        server = cluster.servers[0]
        job_ids = await _waiting_jobs(cluster, calling, 50)
        samples: list[float] = []
        connected = 0
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.listen}") as channel:
            stub = RenderServiceStub(channel)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                await asyncio.gather(
                    *(
                        _connect_and_disconnect(stub, job_ids[(connected + number) % 50], await_response=number % 3 > 0)
                        for number in range(50)
                    )
                )
                connected += 50
                samples.append(_memory_kib(server))
        await asyncio.sleep(1)
        third = len(samples) // 3
        growth = statistics.mean(samples[-third:]) - statistics.mean(samples[third : 2 * third])
        # Over a third of the run: a leak of 100 bytes per watcher, plus the allocator's noise.
        limit = 1024 + connected / 3 * 0.1
        metrics.report(f"growth over {connected / 3:.0f} watchers that connect and disconnect", growth, limit, "KiB")


async def idle(metrics: Metrics) -> None:
    """Leave server and worker idle."""
    async with _service(workers=1) as (cluster, _):
        await asyncio.sleep(5)
        before, began = _cpu_seconds(cluster), time.monotonic()
        await asyncio.sleep(20)
        used = 100 * (_cpu_seconds(cluster) - before) / (time.monotonic() - began)
        metrics.report("processor time of idle server and worker, of a core", used, 3.0, "%")


@asynccontextmanager
async def _service(*, workers: int, settings: dict[str, str] | None = None) -> AsyncIterator[tuple[Cluster, Caller]]:
    delay = {"RENDER_MOCK_DELAY": "0.1" if settings is None and workers < 2 else "1.5", "RENDER_LOG_LEVEL": "warning"}
    with tempfile.TemporaryDirectory(prefix="render-", ignore_cleanup_errors=True) as folder:
        async with Cluster(Path(folder), workers=workers, settings=delay | (settings or {})) as cluster:
            calling = caller(cluster)
            async with calling.client:
                yield cluster, calling


async def _until_ready(cluster: Cluster) -> None:
    await asyncio.gather(*(member.until_ready() for member in cluster.members))


def _terminate(member: Member) -> None:
    os.kill(member.process.pid, signal.SIGTERM)


async def _until(cluster: Cluster, query: str, *arguments: str) -> None:
    async with await psycopg.AsyncConnection.connect(cluster.postgres.url, autocommit=True) as connection:
        while True:
            row = await (await connection.execute(query, arguments)).fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(0.02)


async def _until_true(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.05)


async def _waiting_jobs(cluster: Cluster, calling: Caller, count: int) -> list[str]:
    """Start jobs that are not due yet."""
    async with await psycopg.AsyncConnection.connect(cluster.postgres.url, autocommit=True) as connection:
        await connection.execute("ALTER TABLE jobs ALTER run_after SET DEFAULT now() + interval '1 day'")
        jobs = [await calling.start() for _ in range(count)]
        await connection.execute("ALTER TABLE jobs ALTER run_after SET DEFAULT now()")
    return [job.job_id for job in jobs]


@asynccontextmanager
async def _watching(server: Member, job_ids: list[str]) -> AsyncIterator[None]:
    """Watch each job by its own stream that has received the current state."""
    async with AsyncExitStack() as stack:
        stubs = []
        for number in range(_CHANNELS):
            # Channels with equal options share one connection.
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.primary_user_agent", f"watcher-{number}")]
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.listen}", options)
            stubs.append(RenderServiceStub(await stack.enter_async_context(channel)))
        calls = []
        for number, job_id in enumerate(job_ids):
            request = render_service_pb2.WatchProgressRequest(workspace_id="default", job_id=job_id)
            calls.append(stubs[number % _CHANNELS].WatchProgress(request))
            if number % 50 == 49:
                await asyncio.gather(*(call.read() for call in calls[-50:]))
        yield
        for call in calls:
            call.cancel()


async def _connect_and_disconnect(stub: "RenderServiceAsyncStub", job_id: str, *, await_response: bool) -> None:
    call = stub.WatchProgress(render_service_pb2.WatchProgressRequest(workspace_id="default", job_id=job_id))
    if await_response:
        await call.read()
    else:
        await asyncio.sleep(0.002)
    call.cancel()


async def _run(calling: Caller) -> None:
    job = await calling.start()
    await calling.end_of(job.job_id)


async def _seconds(work: Awaitable[object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def _busy(cluster: Cluster) -> float:
    """Return the median number of connections other than ours that are not idle."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()"
    samples = []
    async with await psycopg.AsyncConnection.connect(cluster.postgres.url, autocommit=True) as connection:
        for _ in range(50):
            row = await (await connection.execute(query)).fetchone()
            assert row is not None
            samples.append(row[0])
            await asyncio.sleep(0.05)
    return float(statistics.median(samples))


def _memory_kib(member: Member) -> float:
    return int(Path(f"/proc/{member.process.pid}/statm").read_text().split()[1]) * _PAGE_KIB


def _cpu_seconds(cluster: Cluster) -> float:
    ticks = 0
    for member in cluster.members:
        for pid in (member.process.pid, *descendants(member.process.pid)):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def _connections(port: int) -> int:
    """Return the number of established connections to a port of 127.0.0.1, on the server's side; see proc(5)."""
    # gRPC's sockets support both versions of IP.
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


_Measure = Callable[[Metrics], Awaitable[None]]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--churn-seconds", type=float, default=30, help="duration of the churn; 1800 for a thorough run"
    )
    parser.add_argument("--only", default="", help="one of recovery, redis, frozen, watchers, churn, idle")
    arguments = parser.parse_args()
    sys.exit(0 if uvloop.run(main(arguments.churn_seconds, arguments.only)) else 1)
