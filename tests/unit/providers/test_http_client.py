"""What the HTTP client of providers' APIs takes from a response."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from render_service.domain.foreign_json import read_json
from render_service.providers.apis.http_client import HttpApi
from render_service.providers.provider_api import FaultKind, ProviderFault
from tests.fakes.http_server import FakeServer, Request, Response, answer

KEY = "key-0123456789abcdef"


class Web(FakeServer):
    """Gives one answer to everything."""

    response = Response()

    async def handle(self, request: Request) -> Response:
        return self.response


class Endless(Web):
    """Sends a body without an end."""

    def __init__(self, status: int, *, slow: bool = False) -> None:
        super().__init__()
        self._status = status
        self._part = b"x" if slow else b"x" * 65_536
        self._pause = 0.01 if slow else 0.0
        self.sent = 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\nConnection: close\r\n\r\n" % self._status)
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(self._part)
                await writer.drain()
                self.sent += len(self._part)
                await asyncio.sleep(self._pause)
        self._writers.discard(writer)
        writer.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as web:
        yield web


async def fault_of(web: Web, response: Response, **options: Any) -> ProviderFault:
    """Submit to an API that gives this answer; return the fault."""
    web.response = response
    async with HttpApi(
        "test", web.url, {"Authorization": f"Bearer {KEY}"}, **{"timeout_seconds": 10, **options}
    ) as api:
        with pytest.raises(ProviderFault) as raised:
            api.json(await api.submit(api.url("/speech"), {}))
    return raised.value


@pytest.mark.parametrize("before", [0, 290, 295, 299, 400])
async def test_no_part_of_a_key_is_repeated_where_an_error_is_cut(before: int, web: Web) -> None:
    fault = await fault_of(web, answer({"error": "x" * before + KEY}, 401))
    assert fault.kind is FaultKind.REFUSED
    assert KEY[:2] not in fault.message


@pytest.mark.parametrize(
    ("status", "kind"), [(200, FaultKind.LOST), (400, FaultKind.REFUSED), (429, FaultKind.BUSY), (503, FaultKind.BUSY)]
)
async def test_an_endless_response_is_read_to_its_limit_and_classified_by_its_status(
    status: int, kind: FaultKind
) -> None:
    async with Endless(status) as web:
        fault = await fault_of(web, Response(), max_response_bytes=100_000)
        assert fault.kind is kind
        # What is in the buffers of the sockets beside what is read.
        assert web.sent < 20_000_000


async def test_a_response_that_is_not_read_to_its_end_leaves_its_connection_to_others() -> None:
    async with Endless(200) as web, HttpApi("test", web.url, {}, timeout_seconds=10, max_connections=1) as api:
        for _ in range(3):
            with pytest.raises(ProviderFault, match="too large"):
                await api.call("GET", api.url("/task"))


async def test_a_response_that_comes_byte_by_byte_ends_in_time() -> None:
    async with Endless(200, slow=True) as web:
        fault = await fault_of(web, Response(), timeout_seconds=0.3)
    assert (fault.kind, fault.message) == (FaultKind.LOST, "test did not respond in time")


class Slow(Web):
    """Sends its body in three parts; the test says when."""

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Semaphore(0)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n")
        for part in (b'{"id"', b": ", b"1}"):
            await writer.drain()
            await self.more.acquire()
            writer.write(part)
        writer.close()


@pytest.mark.parametrize("is_charged", [True, False])
async def test_a_charged_response_that_still_arrives_is_not_thrown_away(is_charged: bool) -> None:
    async with Slow() as web, HttpApi("test", web.url, {}, timeout_seconds=2.0) as api:
        url = api.url("/speech")
        calling = asyncio.create_task(api.submit(url, {}) if is_charged else api.call("POST", url, body={}))
        for _ in range(3):
            await asyncio.sleep(0.8)  # together longer than the time-out; none alone
            web.more.release()
        if is_charged:
            assert api.json(await calling) == {"id": 1}
        else:
            with pytest.raises(ProviderFault) as raised:
                await calling
            assert raised.value.kind is FaultKind.UNREACHABLE


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"id": 1' + b"0" * 5000 + b"}", b"\xff", b"[]", b""])
@pytest.mark.parametrize(("status", "kind"), [(200, FaultKind.LOST), (422, FaultKind.REFUSED)])
async def test_what_is_no_json_object_is_a_fault_of_the_provider(
    status: int, kind: FaultKind, body: bytes, web: Web
) -> None:
    assert (await fault_of(web, Response(status, body))).kind is kind


async def test_no_text_of_a_response_has_what_postgres_cannot_store(web: Web) -> None:
    raw = (
        b'{"error": {"message": "a\\u0000b\\ud800c\xed\xa0\x80", "code": "x\\u0000"}, "id\\u0000": ["\\ud83d\\ude00"]}'
    )
    fault = await fault_of(web, Response(400, raw), content_codes=frozenset({"x"}))
    assert (fault.kind, fault.code, fault.message) == (FaultKind.CONTENT, "x", "test responded with 400: abc")
    assert read_json(raw) == {"error": {"message": "abc", "code": "x"}, "id": ["😀"]}
