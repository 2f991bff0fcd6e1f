"""The floor under any grpc.aio service: a call that does nothing, and an event sent to every open stream of a topic.

`python -m benchmarks.service.bare PORT` serves until killed. A stream's request is its topic. Each line of standard
input, a topic and a word, is an event for the streams of the topic; they end after the word `end`.
"""

import asyncio
import os
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator

import grpc
import uvloop

SERVICE = "bench.Bare"
_CLOCK_BYTES = 8


def clock() -> bytes:
    """Return the machine's monotonic clock, in nanoseconds."""
    return time.monotonic_ns().to_bytes(_CLOCK_BYTES, "big")


def age_seconds(event: bytes) -> float:
    """Return how long ago an event was sent; see `clock`."""
    return (time.monotonic_ns() - int.from_bytes(event[:_CLOCK_BYTES], "big")) / 1e9


class _Bare:
    def __init__(self) -> None:
        self._streams: defaultdict[bytes, set[asyncio.Queue[bytes]]] = defaultdict(set)

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Call": grpc.unary_unary_rpc_method_handler(self._call),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
            },
        )

    def send(self) -> None:
        for line in os.read(sys.stdin.fileno(), 65536).splitlines():
            topic, word = line.split()
            # As large as an event of the service.
            event = clock() + word.ljust(120)
            for stream in self._streams[topic]:
                stream.put_nowait(event)

    async def _call(self, request: bytes, context: object) -> bytes:
        return request

    async def _watch(self, request: bytes, context: object) -> AsyncIterator[bytes]:
        stream: asyncio.Queue[bytes] = asyncio.Queue()
        self._streams[request].add(stream)
        try:
            yield b""
            event = b""
            while not event[_CLOCK_BYTES:].startswith(b"end"):
                event = await stream.get()
                yield event
        finally:
            self._streams[request].discard(stream)


async def _serve(port: int) -> None:
    bare = _Bare()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((bare.handlers(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    asyncio.get_running_loop().add_reader(sys.stdin, bare.send)
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
