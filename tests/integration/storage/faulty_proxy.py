"""A proxy in front of an S3 server whose connections break, stall or answer 503 as scripted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class LineFault:
    """What goes wrong on one connection.

    Args:
        unavailable: Whether its first request is answered 503, and the connection closed.
        delay: Seconds before the first byte of the server is passed on.
        cut_down: Bytes from the server after which the connection is reset; None for never.
        cut_up: Bytes to the server after which the connection is reset; None for never.
    """

    unavailable: bool = False
    delay: float = 0
    cut_down: int | None = None
    cut_up: int | None = None


@dataclass
class FaultyProxy:
    """A running proxy; `fault_of` chooses the fault of each connection by its number, from 0."""

    url: str
    connections: int = 0
    fault_of: Callable[[int], LineFault] = lambda number: LineFault()
    talks: set["asyncio.Task[None]"] = field(default_factory=set)

    def begin(self, fault: LineFault) -> None:
        """Reset all connections, and let the fault befall all further ones."""
        self.fault_of = lambda number: fault
        for talk in self.talks:
            talk.cancel()


@asynccontextmanager
async def faulty_proxy(server_url: str) -> AsyncIterator[FaultyProxy]:
    """Run a proxy until the context ends."""
    server = urlsplit(server_url)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = proxy.fault_of(proxy.connections)
        proxy.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await (refuse(reader, writer) if fault.unavailable else relay(reader, writer, fault))
        finally:
            writer.close()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: LineFault) -> None:
        up_reader, up_writer = await asyncio.open_connection(server.hostname, server.port)
        down = asyncio.create_task(_pass(up_reader, writer, fault.cut_down, fault.delay))
        up = asyncio.create_task(_pass(reader, up_writer, fault.cut_up, 0))
        try:
            await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (down, up):
                task.cancel()
            for each in (up_writer, writer):
                each.transport.abort()
            await asyncio.gather(down, up, return_exceptions=True)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk_now = asyncio.create_task(talk(reader, writer))
        proxy.talks.add(talk_now)
        talk_now.add_done_callback(proxy.talks.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy = FaultyProxy(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    async with listening:
        yield proxy
        for task in proxy.talks:
            task.cancel()
        await asyncio.gather(*proxy.talks, return_exceptions=True)


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None, delay_seconds: float
) -> None:
    """Pass bytes on until the end, or until so many were passed."""
    passed = 0
    while (most is None or passed < most) and (data := await reader.read(64 * 1024)):
        if not passed:
            await asyncio.sleep(delay_seconds)
        writer.write(data)
        await writer.drain()
        passed += len(data)
