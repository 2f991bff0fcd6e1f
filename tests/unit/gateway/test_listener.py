"""The port of HTTP."""

import socket
from typing import cast

from render_service.embedded.ports import LOOPBACK
from render_service.gateway.calls import Server
from render_service.gateway.listener import serve_gateway


async def test_connections_are_accepted_as_soon_as_it_serves() -> None:
    async with serve_gateway(f"{LOOPBACK}:0", cast("Server", None)) as port:
        # Nothing else has run since: the loop is not left before.
        socket.create_connection((LOOPBACK, port), timeout=60).close()
