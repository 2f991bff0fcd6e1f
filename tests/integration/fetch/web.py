"""A web server on loopback whose answers are written byte by byte, so that they can be wrong in every way."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from render_service.fetch.fetcher import Fetcher, FetchSession
from render_service.fetch.policy import FetchPolicy

Chunks = list[bytes | float]
"""What is sent, in order; a number waits that many seconds."""


@dataclass
class Web:
    """A running server: what it was asked, and what it answers by path."""

    host: str
    port: int = 0
    answers: dict[str, Chunks | Callable[[str], Chunks]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str, host: str | None = None) -> str:
        """Return the plain-HTTP URL of a path."""
        return f"http://{host or self.host}:{self.port}{path}"


def answer(body: bytes = b"", status: str = "200 OK", *headers: str, length: int | None = None) -> Chunks:
    """Return a well-formed answer with the length of its body, or with another one."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return ["\r\n".join(lines).encode("latin-1"), body]


def redirect(location: str, status: str = "302 Found") -> Chunks:
    """Return a redirect."""
    return answer(b"", status, f"Location: {location}")


@asynccontextmanager
async def serve(host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[Web]:
    """Run a server until the context ends; paths without an answer give 404."""
    web = Web(host)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        web.connections += 1
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            web.requests.append(request)
            path = request.split(" ", 2)[1]
            chunks = web.answers.get(path, answer(b"", "404 Not Found"))
            for chunk in chunks(path) if callable(chunks) else chunks:
                if isinstance(chunk, bytes):
                    writer.write(chunk)
                    await writer.drain()
                else:
                    await asyncio.sleep(chunk)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the fetcher hung up, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(talk, host, port, ssl=tls)
    web.port = server.sockets[0].getsockname()[1]
    async with server:
        yield web


@asynccontextmanager
async def fetching(policy: FetchPolicy, *, workspace_id: str = "team", **options: Any) -> AsyncIterator[FetchSession]:
    """The fetches of one job of a workspace."""
    with Fetcher(policy, **options).session(workspace_id) as session:
        yield session
