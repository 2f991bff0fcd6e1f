"""A small HTTP server for machines: /metrics for Prometheus, /healthz and /readyz for probes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from prometheus_client import CollectorRegistry, generate_latest

from render_service.config.settings import ConfigurationError

_SECONDS = 5.0
_MAX_REQUEST = 16 * 1024


@asynccontextmanager
async def status_page(
    listen: str | None, figures: Sequence[CollectorRegistry], ready: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serve the pages for as long as the block runs.

    Args:
        listen: host:port; None for no pages at all.
        figures: What /metrics tells.
        ready: Whether /readyz is to answer 200.

    Raises:
        ConfigurationError: the address is none, taken, or not of this machine.
    """
    if listen is None:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A peer that says nothing, or does not stop saying it, is left.
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head, figures, ready))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError("RENDER_METRICS_LISTEN: must be host:port, such as 127.0.0.1:9464")
    try:
        server = await asyncio.start_server(answer, host.strip("[]"), int(port), limit=_MAX_REQUEST)
    except OSError:
        raise ConfigurationError(f"RENDER_METRICS_LISTEN: cannot listen on {listen}") from None
    async with server:
        yield


def _response(head: bytes, figures: Sequence[CollectorRegistry], ready: Callable[[], bool]) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    status, body = b"404 Not Found", b"not found\n"
    if method not in (b"GET", b"HEAD"):
        status, body = b"405 Method Not Allowed", b"GET only\n"
    elif path == b"/metrics":
        status, body = b"200 OK", b"".join(generate_latest(registry) for registry in figures)
    elif path == b"/healthz":
        status, body = b"200 OK", b"alive\n"
    elif path == b"/readyz":
        status, body = (b"200 OK", b"ready\n") if ready() else (b"503 Service Unavailable", b"not ready\n")
    return (
        b"HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %d\r\n"
        b"Connection: close\r\n\r\n" % (status, len(body))
    ) + (body if method != b"HEAD" else b"")
