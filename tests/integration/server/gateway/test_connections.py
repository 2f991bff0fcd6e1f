"""What peers send that is no proper request: bounded, refused, and never taken for two requests."""

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest

from render_service.db.access.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.embedded import EmbeddedValkey
from render_service.embedded.ports import LOOPBACK, free_port
from render_service.gateway import bodies, connections
from tests.integration.server.conftest import Service
from tests.serving import serving, settings_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
HEAD = b"GET /v1/workspaces/w/jobs HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/workspaces/w/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def answers(service: Service, *sent: bytes) -> list[bytes]:
    """Send bytes, and return the status codes that come back until the server closes the connection."""
    host, port = service.http_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for piece in sent:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(60):
            received = await reader.read()
    except ConnectionError:
        return []
    finally:
        writer.close()
    return re.findall(rb"HTTP/1.1 ([0-9]{3}) ", received)


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HEAD + b"\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + HEAD + b"\r\n",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length: 0x2\r\n\r\n{}",
        POST + b"Content-Length: -1\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        HEAD + b"X: a\x00b\r\n\r\n",
        HEAD + b"X y: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_closed(
    request_: bytes, service: Service
) -> None:
    assert await answers(service, request_) in ([b"400"], [])


async def test_requests_one_after_the_other_are_answered_in_order(service: Service) -> None:
    missing = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert await answers(service, HEAD + b"\r\n" + missing + HEAD + b"Connection: close\r\n\r\n") == [
        b"200",
        b"404",
        b"200",
    ]


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X: " + b"a" * connections.MAX_HEAD_BYTES + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(connections.MAX_HEAD_BYTES // 8)) + b"\r\n",
        b"GET /" + b"a" * connections.MAX_HEAD_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_headers_that_are_too_large(head: bytes, service: Service) -> None:
    assert await answers(service, head) == [b"431"]


async def test_a_body_that_is_too_large(service: Service) -> None:
    size = bodies.MAX_BODY_BYTES + 1
    assert await answers(service, POST + b"Content-Length: %d\r\n\r\n" % size, b" " * size) in ([b"413"], [])


async def test_headers_that_are_too_slow(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    host, port = service.http_url.removeprefix("http://").split(":")
    for sent in (b"", b"GET / HT", HEAD):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_a_peer_that_leaves_in_the_middle_does_no_harm(service: Service) -> None:
    host, port = service.http_url.removeprefix("http://").split(":")
    for sent in (HEAD, POST + b"Content-Length: 100\r\n\r\n{", HEAD + b"\r\n"):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        writer.transport.abort()
    assert await answers(service, HEAD + b"Connection: close\r\n\r\n") == [b"200"]


async def test_a_large_body_needs_valid_credentials(
    database_url: str, valkey_server: EmbeddedValkey, tmp_path: Path
) -> None:
    listen = f"{LOOPBACK}:{free_port()}"
    settings = settings_of(database_url, valkey_server.url, tmp_path, http_listen=listen)
    database = Database(database_url)
    key = await ApiKeys(database).create("large", frozenset({"large"}))
    await database.close()
    body = json.dumps({"project": {"title": "a", "script": "b" * bodies.LARGE_BYTES}})
    async with serving(settings), httpx.AsyncClient(base_url=f"http://{listen}", trust_env=False) as client:
        for token, status in (("rk_" + "0" * 43, 401), (key, 400)):
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            answer = await client.post("/v1/workspaces/large/jobs", content=body, headers=headers)
            assert answer.status_code == status, answer.text
            connect = await client.post("/render.v1.RenderService/StartRender", content=body, headers=headers)
            assert connect.status_code == status, connect.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"localhost", b"200"),
        (b"127.0.0.1:8080", b"200"),
        (b"[::1]:8080", b"200"),
        (b"evil.example", b"400"),
        (b"127.0.0.1.evil.example", b"400"),
        (b"", b"400"),
    ],
)
async def test_without_authentication_a_name_that_leads_here_does_not_let_a_page_in(
    host: bytes, status: bytes, service: Service
) -> None:
    head = HEAD.replace(b"Host: localhost", b"Host: " + host)
    assert await answers(service, head + b"Connection: close\r\n\r\n") == [status]
