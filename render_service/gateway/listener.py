"""The HTTP listener: one port beside that of gRPC."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from render_service.config.settings import ConfigurationError
from render_service.gateway.app import make_app
from render_service.gateway.calls import Server
from render_service.gateway.connections import BoundedProtocol, WriteTimeout

SETTING = "RENDER_HTTP_LISTEN"
_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 5
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn inside a process that handles its own signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve_gateway(
    listen: str,
    server: Server,
    *,
    origins: Sequence[str] = (),
    hosts: Sequence[str] = ("*",),
    tls: ssl.SSLContext | None = None,
    max_connections: int = 10_000,
    shares_port: bool = False,
) -> AsyncIterator[int]:
    """Serve HTTP for as long as the block runs.

    Args:
        listen: host:port; port 0 picks a free one.
        server: The gRPC server.
        origins: Origins of web pages that may call it.
        hosts: Names and addresses by which it may be called; `*` for any.
        tls: What TLS needs; None serves without it.
        max_connections: How many connections are open at a time; requests of further ones are refused with 503.
        shares_port: Whether other processes listen on the same port.

    Yields:
        The port.

    Raises:
        ConfigurationError: The address is taken or not of this machine.
    """
    listener = _bind(listen, shares_port=shares_port)
    config = uvicorn.Config(
        WriteTimeout(make_app(server, origins=origins, hosts=hosts)),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=max_connections,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        backlog=_BACKLOG,
    )
    config.load()
    config.ssl = tls
    http = _Server(config)
    serving = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        http.should_exit = True
        await serving


def _bind(listen: str, *, shares_port: bool) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        # Connections wait until uvicorn, which starts in a task of its own, accepts them.
        listener.listen(_BACKLOG)
    except (OSError, ValueError):
        raise ConfigurationError(f"{SETTING}: cannot listen on {listen}") from None
    listener.setblocking(False)
    return listener
