"""A small HTTP server for the callbacks of providers.

Nothing that they tell is believed: one that is rightly signed makes the worker that follows the task look at it now.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from uuid import UUID

import h11
from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.config.callbacks import CALLBACK_PATH, webhook_key
from render_service.config.settings import ConfigurationError, Settings
from render_service.domain.errors import DomainError
from render_service.domain.jobs.job import ProviderName
from render_service.progress.task_hints import give_hint
from render_service.server.auth.jwks import KeySet
from render_service.server.callbacks.signatures import FalSignatures, SignatureCheck, StandardSignatures
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_SECONDS = 5.0
_MAX_HEAD = 16 * 1024
MAX_BODY = 256 * 1024
MAX_CONNECTIONS = 64
_PIECE = 64 * 1024
# A wrong signature may be made with a key that is not known yet, but not every one.
_KEYS_FRESH_SECONDS, _KEYS_PAUSE_SECONDS = 3_600.0, 30.0


class _Refused(Exception):
    """A request is answered with this status."""

    def __init__(self, status: HTTPStatus) -> None:
        self.status = status


class CallbackListener:
    """Answers callbacks.

    Of more connections than `MAX_CONNECTIONS` the oldest is dropped: honest callers are through in a moment, and those
    who only hold connections hold them at their own cost.

    Args:
        redis: A client with short time-outs.
        checks: How each provider signs that may call back.
        prefix: The path of the public base address, which whoever forwards requests may or may not take off.
    """

    def __init__(self, redis: "Redis", checks: Mapping[ProviderName, SignatureCheck], prefix: str) -> None:
        self._redis = redis
        self._checks = checks
        self._path = re.compile(f"(?:{re.escape(prefix)})?{CALLBACK_PATH}/([a-z]+)/([0-9a-f-]{{36}})", re.ASCII)
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection."""
        if len(self._open) >= MAX_CONNECTIONS:
            next(iter(self._open)).transport.abort()
        self._open[writer] = None
        try:
            async with asyncio.timeout(_SECONDS):
                await self._talk(reader, writer)
        except (OSError, TimeoutError):
            pass
        finally:
            self._open.pop(writer, None)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        try:
            status = await self._answer(connection, reader)
        except _Refused as refused:
            status = refused.status
        except h11.RemoteProtocolError:
            status = HTTPStatus.BAD_REQUEST
        if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE) or writer.is_closing():
            return
        headers = [("Content-Length", "0"), ("Connection", "close")]
        head = connection.send(h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()))
        writer.write((head or b"") + (connection.send(h11.EndOfMessage()) or b""))
        writer.write_eof()
        # Whoever still sends would otherwise see a broken connection in place of the answer.
        while await reader.read(_PIECE):
            pass

    async def _answer(self, connection: h11.Connection, reader: asyncio.StreamReader) -> HTTPStatus:
        request = await _next_event(connection, reader)
        if not isinstance(request, h11.Request):
            raise _Refused(HTTPStatus.BAD_REQUEST)
        provider, task_id = self._addressed(request)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        body = await _body(connection, reader)
        try:
            if not await self._checks[provider].is_right(headers, body):
                return HTTPStatus.UNAUTHORIZED
            await give_hint(self._redis, task_id)
        except (DomainError, RedisError, OSError, TimeoutError):
            # The provider may try again, and the worker looks in any case.
            return HTTPStatus.SERVICE_UNAVAILABLE
        _log.debug("called back", provider=provider, task=str(task_id))
        return HTTPStatus.OK

    def _addressed(self, request: h11.Request) -> tuple[ProviderName, UUID]:
        found = self._path.fullmatch(request.target.decode("latin-1").partition("?")[0])
        if found is None or found[1] not in self._checks:
            raise _Refused(HTTPStatus.NOT_FOUND)
        try:
            task_id = UUID(found[2])
        except ValueError:
            raise _Refused(HTTPStatus.NOT_FOUND) from None
        if request.method != b"POST":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED)
        return ProviderName(found[1]), task_id


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_PIECE))
    return event


async def _body(connection: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while isinstance(event := await _next_event(connection, reader), h11.Data):
        body += event.data
        if len(body) > MAX_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if not isinstance(event, h11.EndOfMessage):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    return bytes(body)


@asynccontextmanager
async def callback_listener(settings: Settings, redis: "Redis") -> AsyncIterator[None]:
    """Listen for callbacks for as long as the block runs, where the settings want it.

    Args:
        settings: The service's configuration.
        redis: A client with short time-outs.

    Raises:
        ConfigurationError: the address is none, taken, or not of this machine; or nobody would call it.
    """
    if settings.callback_listen is None:
        if settings.callback_url is not None:
            _log.warning("providers are asked to call back, but RENDER_CALLBACK_LISTEN is not set for this server")
        yield
        return
    if settings.callback_url is None:
        raise ConfigurationError("RENDER_CALLBACK_LISTEN: only together with RENDER_CALLBACK_URL")
    host, _, port = settings.callback_listen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError("RENDER_CALLBACK_LISTEN: must be host:port, such as 127.0.0.1:8080")
    keys = KeySet(
        str(settings.pika_webhook_jwks_url),
        whose="fal's callbacks",
        fresh_seconds=_KEYS_FRESH_SECONDS,
        pause_seconds=_KEYS_PAUSE_SECONDS,
    )
    checks: dict[ProviderName, SignatureCheck] = {ProviderName.PIKA: FalSignatures(keys)}
    secret = settings.custom_video_webhook_secret
    if secret is not None and (key := webhook_key(secret)) is not None:
        checks[ProviderName.CUSTOM] = StandardSignatures(key)
    listener = CallbackListener(redis, checks, (settings.callback_url.path or "").rstrip("/"))
    try:
        server = await asyncio.start_server(listener.serve, host.strip("[]"), int(port))
    except OSError:
        raise ConfigurationError(f"RENDER_CALLBACK_LISTEN: cannot listen on {settings.callback_listen}") from None
    try:
        async with server:
            yield
    finally:
        await keys.close()
