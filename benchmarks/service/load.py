"""A light client: calls whose messages are bytes already, so that it leaves the processor to the server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from benchmarks.service.results import percentile, processor_seconds
from benchmarks.service.stack import Running

CLIENTS = 32
_CONNECTIONS = 2

Unary: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
Stream: TypeAlias = "grpc.aio.UnaryStreamMultiCallable[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class Load:
    """What a closed loop of clients saw: calls a second, latencies in seconds, processor time of the server a call."""

    rate: float
    median: float
    slowest: float
    processor: float


@asynccontextmanager
async def channels(port: int, count: int = _CONNECTIONS) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Open connections to a port of this machine, each a channel of its own."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])
            )
            for _ in range(count)
        ]


async def measure(
    server: Running, method: str, requests: Callable[[int], bytes], *, seconds: float, connections: int = _CONNECTIONS
) -> Load:
    """Call a method from `CLIENTS` clients, each waiting for its answer before it calls again.

    Args:
        server: The server.
        method: `/package.Service/Method`.
        requests: The request of the n-th call, serialised.
        seconds: How long to measure, after a second of warming up.
        connections: How many connections the clients share.
    """
    pid = server.pid
    async with channels(server.port, connections) as opened:
        calls: list[Unary] = [channel.unary_unary(method) for channel in opened]
        await _run(calls, requests, 0, 1.0)
        before, began = processor_seconds(pid), time.perf_counter()
        latencies = await _run(calls, requests, 1_000_000, seconds)
        took, used = time.perf_counter() - began, processor_seconds(pid) - before
    return Load(
        rate=len(latencies) / took,
        median=percentile(latencies, 0.5),
        slowest=percentile(latencies, 0.99),
        processor=used / len(latencies),
    )


async def _run(calls: list[Unary], requests: Callable[[int], bytes], first: int, seconds: float) -> list[float]:
    latencies: list[float] = []
    end = time.perf_counter() + seconds
    numbers = iter(range(first, first + 1_000_000))

    async def client(call: Unary) -> None:
        while time.perf_counter() < end:
            began = time.perf_counter()
            await call(requests(next(numbers)))
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(client(calls[number % len(calls)]) for number in range(CLIENTS)))
    return latencies
