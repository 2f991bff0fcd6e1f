"""A small HTTP/1.1 server on loopback for fakes of APIs, which can also misbehave as scripted."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """A request as received; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """An answer. `length` is the Content-Length to announce where it is not that of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Args:
        delay: Seconds before anything is done.
        status: Answered in place of doing anything; with `after`, in place of the answer.
        drop: Whether the connection is closed without an answer.
        after: Whether the request is served first.
        retry_after: Value of Retry-After.
    """

    delay: float = 0
    status: int | None = None
    drop: bool = False
    after: bool = False
    retry_after: str | None = None


Chooser = Callable[[Request], Fault | None]


class FakeServer(ABC):
    """Serves `handle` of a subclass. Use as an async context manager."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.requests: list[Request] = []
        self.answered: list[tuple[float, Request]] = []
        """When each request was answered, on the monotonic clock."""
        self.faults: list[tuple[str, Fault]] = []
        """Pairs of a method and what goes wrong with the next request of that method, in order."""
        self.chooser: Chooser = lambda request: None
        """Asked where no fault is scripted."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    async def handle(self, request: Request) -> Response:
        """Serve a request."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port, limit=64 * 1024 * 1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                response = await self._respond(request)
                self.answered.append((time.monotonic(), request))
                if response is None:
                    return
                writer.write(_encoded(request, response))
                await writer.drain()
                if response.length is not None:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _respond(self, request: Request) -> Response | None:
        """Return the answer; None to close the connection without one."""
        fault = self._next_fault(request)
        await asyncio.sleep(fault.delay)
        wrong = (fault.drop or fault.status is not None) and not fault.after
        response = Response() if wrong else await self.handle(request)
        if fault.drop:
            return None
        if fault.status is not None:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return answer({"error": f"scripted {fault.status}"}, fault.status, headers)
        return response

    def _next_fault(self, request: Request) -> Fault:
        for number, (method, fault) in enumerate(self.faults):
            if method == request.method:
                del self.faults[number]
                return fault
        return self.chooser(request) or Fault()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = head.split("\r\n")
    method, target, _ = start.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Request(method, unquote(parts.path), parse_qs(parts.query), headers, body)


def _encoded(request: Request, response: Response) -> bytes:
    length = len(response.body) if response.length is None else response.length
    lines = [f"HTTP/1.1 {response.status} Fake", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if request.method == "HEAD" else response.body)
