"""Browsers as the relays know them: they read events, and come back with the last one's number when the line breaks."""

import asyncio
import json
import socket
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import connect

LOOPBACK = "127.0.0.1"
COME_BACK_SECONDS = 0.1


class Browser:
    """What all browsers have in common.

    Args:
        port: Where the relay listens.
        job_id: What to follow.
        after: The last sequence that it knows.
        window: Bytes that may wait on the way to it; None for the usual.

    Attributes:
        events: What was received, with its `sequence`.
        connections: How often it connected.
        awake: Set while it reads.
    """

    relay: str

    def __init__(self, port: int, job_id: str, after: int | None = None, *, window: int | None = None) -> None:
        self._port = port
        self._job_id = job_id
        self._options = [] if window is None else [(socket.SOL_SOCKET, socket.SO_RCVBUF, window)]
        self.last = after
        self.events: list[dict[str, Any]] = []
        self.connections = 0
        self.awake = asyncio.Event()
        self.awake.set()

    async def read(self) -> None:
        """Read until the stream says that nothing follows."""
        raise AssertionError("one of the browsers below is meant")

    def _take(self, event: dict[str, Any]) -> None:
        self.last = event["sequence"]
        self.events.append(event)


class EventSource(Browser):
    """Reads Server-Sent Events as the HTML standard says."""

    relay = "sse"

    async def read(self) -> None:
        """Come back after every end until 204 says that nothing follows."""
        address = f"http://{LOOPBACK}:{self._port}/jobs/{self._job_id}/events"
        transport = httpx.AsyncHTTPTransport(verify=False, socket_options=self._options)
        async with httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(5, read=60)) as client:
            while True:
                headers = {} if self.last is None else {"Last-Event-ID": str(self.last)}
                try:
                    async with client.stream("GET", address, headers=headers) as response:
                        if response.status_code == 204:
                            return
                        assert response.status_code == 200, response.status_code
                        assert response.headers["content-type"].startswith("text/event-stream")
                        self.connections += 1
                        await self._dispatch(response)
                except httpx.TransportError:
                    pass
                await asyncio.sleep(COME_BACK_SECONDS)

    async def _dispatch(self, response: httpx.Response) -> None:
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            name, _, value = line.partition(":")
            if line and name:
                fields[name] = value.removeprefix(" ")
            elif not line and "data" in fields:
                self._take({"sequence": int(fields["id"]), **json.loads(fields["data"])})
                fields = {}
                await self.awake.wait()


class WebSocketPage(Browser):
    """Reads from a WebSocket, as the page of the how-to does."""

    relay = "websocket"

    async def read(self) -> None:
        """Come back after every end but a normal one."""
        while True:
            query = "" if self.last is None else f"?after_sequence={self.last}"
            address = f"ws://{LOOPBACK}:{self._port}/jobs/{self._job_id}/progress{query}"
            line = socket.socket()
            for option in self._options:
                line.setsockopt(*option)
            line.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(line, (LOOPBACK, self._port))
                async with connect(address, sock=line, max_queue=1, ping_interval=None) as page:
                    self.connections += 1
                    async for message in page:
                        self._take(json.loads(message))
                        await self.awake.wait()
                if page.close_code == 1000:
                    return
            except (OSError, websockets.WebSocketException):
                line.close()
            await asyncio.sleep(COME_BACK_SECONDS)
