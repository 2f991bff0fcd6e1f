"""HTTP beside gRPC: calls in JSON, and a thousand watchers by server-sent events."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks.service.load import CLIENTS, Load
from benchmarks.service.results import Results, percentile, processor_seconds
from benchmarks.service.stack import Running
from benchmarks.service.watchers import Fan

_PREFIX = "/v1/workspaces/default/jobs"


async def measure_get_job(server: Running, job_id: str, *, seconds: float) -> Load:
    """Read a job from as many connections as there are clients, each waiting for its answer before it asks again."""
    request = f"GET {_PREFIX}/{job_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    return await _measure(server, request, seconds=seconds)


async def measure_start(server: Running, body: dict[str, Any], *, seconds: float) -> Load:
    """Start jobs likewise."""
    content = json.dumps(body).encode()
    head = f"POST {_PREFIX} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return await _measure(server, f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content, seconds=seconds)


async def _measure(server: Running, request: bytes, *, seconds: float) -> Load:
    await _run(server.http_port, request, 1.0)
    before, began = processor_seconds(server.pid), time.perf_counter()
    latencies = await _run(server.http_port, request, seconds)
    took, used = time.perf_counter() - began, processor_seconds(server.pid) - before
    return Load(
        rate=len(latencies) / took,
        median=percentile(latencies, 0.5),
        slowest=percentile(latencies, 0.99),
        processor=used / len(latencies),
    )


async def _run(port: int, request: bytes, seconds: float) -> list[float]:
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            latencies.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return latencies


async def follow(server: Running, job_id: str, opened: Callable[[], None], fan: Fan) -> None:
    """Watch a job to its end as one server-sent-events client.

    Args:
        server: The server.
        job_id: The job.
        opened: Called at the first event.
        fan: Receives how late events are.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(f"GET {_PREFIX}/{job_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    kind, is_first = b"", True
    while not (line := await reader.readline()).startswith(b"0\r\n"):
        assert line, "the stream ends with its last chunk"
        if line.startswith(b"event: "):
            kind = line[7:].strip()
        elif line.startswith(b"data: "):
            if is_first:
                opened()
            else:
                sent = datetime.fromisoformat(json.loads(line[6:])["timestamp"])
                (fan.ends if kind == b"end" else fan.events).append((datetime.now(UTC) - sent).total_seconds())
            is_first = False
    writer.close()


def show(results: Results, grpc: Load, http: Load, started: Load, *, watched: Fan, events: Fan) -> None:
    """Print what was measured.

    Args:
        results: Where to.
        grpc: GetJob over gRPC.
        http: GetJob over HTTP.
        started: StartRender over HTTP.
        watched: The watchers over gRPC.
        events: The watchers over HTTP.
    """
    results.show("GetJob in JSON, 32 clients", http.rate, "/s", at_least=0.5 * grpc.rate)
    results.show("GetJob in JSON, p99", http.slowest * 1e3, "ms", at_most=2 * grpc.slowest * 1e3)
    results.show("GetJob in JSON, processor time of the server", http.processor * 1e3, "ms")
    results.show("StartRender in JSON, 32 clients", started.rate, "/s")
    results.show("StartRender in JSON, processor time of the server", started.processor * 1e3, "ms")
    results.show("opening 1000 watches by server-sent events", events.opening * 1e3, "ms")
    results.show("server-sent event to each of them, p99", events.event * 1e3, "ms", at_most=2 * watched.event * 1e3)
    results.show("its end to each of them, p99", events.end * 1e3, "ms")
    results.show("memory of a server-sent-events watcher", events.memory, "KiB", at_most=60)
