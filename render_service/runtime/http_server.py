"""A small HTTP/1.1 server for machines: one request a connection, bounded in time, size and number."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

import h11

from render_service.config.settings import ConfigurationError

MAX_CONNECTIONS = 64
_SECONDS = 5.0
_MAX_HEAD = 16 * 1024
_PIECE = 64 * 1024


class HttpError(Exception):
    """Raised by a handler to respond with a status and no body."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response; `body` is omitted for HEAD requests."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str | None = None


class HttpRequest:
    """A request with its head; the body is read on demand.

    Args:
        head: The request's head.
        connection: State of the protocol.
        reader: Reads the body.
    """

    def __init__(self, head: h11.Request, connection: h11.Connection, reader: asyncio.StreamReader) -> None:
        self._connection = connection
        self._reader = reader
        self.method = head.method.decode("latin-1")
        self.path = head.target.decode("latin-1").partition("?")[0]
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers
        }

    async def body(self, *, most: int) -> bytes:
        """Read the whole body.

        Args:
            most: Maximum size in bytes.

        Raises:
            HttpError: 413 where the body is larger, 400 where it ends early.
        """
        body = bytearray()
        while isinstance(event := await _next_event(self._connection, self._reader), h11.Data):
            body += event.data
            if len(body) > most:
                raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not isinstance(event, h11.EndOfMessage):
            raise HttpError(HTTPStatus.BAD_REQUEST)
        return bytes(body)


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


@asynccontextmanager
async def serve_http(setting: str, listen: str, handler: Handler, *, shares_port: bool = False) -> AsyncIterator[None]:
    """Serve HTTP for as long as the block runs.

    Args:
        setting: Name of the setting that `listen` comes from, for errors.
        listen: host:port.
        handler: Responds to each request.
        shares_port: Whether other processes listen on the same port.

    Raises:
        ConfigurationError: The address is malformed, taken, or not of this machine.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"{setting}: must be host:port, such as 127.0.0.1:8080")
    connections = _Connections(handler)
    try:
        server = await asyncio.start_server(
            connections.serve, host.strip("[]"), int(port), reuse_port=shares_port or None
        )
    except OSError:
        raise ConfigurationError(f"{setting}: cannot listen on {listen}") from None
    async with server:
        yield


class _Connections:
    """The open connections. Above `MAX_CONNECTIONS` the oldest is dropped: honest peers are done in a moment."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to the one request of a connection."""
        if len(self._open) >= MAX_CONNECTIONS:
            next(iter(self._open)).transport.abort()
        self._open[writer] = None
        try:
            async with asyncio.timeout(_SECONDS):
                await self._respond(reader, writer)
        except (OSError, TimeoutError):
            pass
        finally:
            self._open.pop(writer, None)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        method = ""
        try:
            head = await _next_event(connection, reader)
            if isinstance(head, h11.Request):
                request = HttpRequest(head, connection, reader)
                method = request.method
                response = await self._handler(request)
            else:
                response = HttpResponse(HTTPStatus.BAD_REQUEST)
        except HttpError as error:
            response = HttpResponse(error.status)
        except h11.RemoteProtocolError:
            response = HttpResponse(HTTPStatus.BAD_REQUEST)
        if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE) or writer.is_closing():
            return
        writer.write(_encode(connection, response, with_body=method != "HEAD"))
        writer.write_eof()
        # A peer that is still sending would otherwise see a broken connection instead of the response.
        while await reader.read(_PIECE):
            pass


def _encode(connection: h11.Connection, response: HttpResponse, *, with_body: bool) -> bytes:
    headers = [("Content-Length", str(len(response.body))), ("Connection", "close")]
    if response.content_type is not None:
        headers.append(("Content-Type", response.content_type))
    events: list[h11.Event] = [
        h11.Response(status_code=response.status, headers=headers, reason=response.status.phrase.encode())
    ]
    if response.body and with_body:
        events.append(h11.Data(data=response.body))
    return b"".join(connection.send(event) or b"" for event in (*events, h11.EndOfMessage()))


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_PIECE))
    return event
