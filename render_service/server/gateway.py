"""Opens the ports of the server: that of gRPC, and that of HTTP where it is configured."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from render_service.config.settings import Settings
from render_service.server.listener import Listener
from render_service.server.tls.credentials import http_tls
from render_service.server.tls.loopback import is_loopback


@asynccontextmanager
async def open_ports(settings: Settings, listener: Listener, *, shares_port: bool) -> AsyncIterator[dict[str, int]]:
    """Serve gRPC, and HTTP for as long as the block runs; the caller stops the listener.

    Args:
        settings: The service's configuration.
        listener: The gRPC server.
        shares_port: Whether other processes listen on the same ports.

    Yields:
        The ports: `port`, and `http_port` where HTTP is configured.

    Raises:
        ConfigurationError: An address is taken or not of this machine.
    """
    port = await listener.start(settings.listen)
    if settings.http_listen is None:
        yield {"port": port}
        return
    # Loaded only where they are needed: servers start sooner without them.
    from render_service.gateway.listener import serve_gateway  # noqa: PLC0415
    from render_service.server.local_calls import LocalCalls  # noqa: PLC0415

    async with serve_gateway(
        settings.http_listen,
        LocalCalls(listener.handlers),
        origins=[origin for origin in settings.http_origins.split(",") if origin],
        hosts=_hosts(settings),
        tls=http_tls(settings),
        max_connections=settings.max_connections,
        shares_port=shares_port,
    ) as http_port:
        yield {"port": port, "http_port": http_port}


def _hosts(settings: Settings) -> Sequence[str]:
    """Return the names and addresses by which HTTP may be called.

    Where everybody on this machine is let in, a web page must not get in by a name of its own that it resolves to this
    machine (DNS rebinding).
    """
    assert settings.http_listen is not None, "there is a port"
    host = settings.http_listen.rpartition(":")[0].strip("[]")
    if settings.auth_methods or not is_loopback(host):
        return ("*",)
    return ("localhost", "127.0.0.1", "::1", "[::1]", host)
