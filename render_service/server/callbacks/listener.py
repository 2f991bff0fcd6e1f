"""Receives the callbacks of providers.

Their content is not trusted: a callback with a valid signature only makes the worker poll its task now.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.config.callbacks import CALLBACK_PATH, webhook_key
from render_service.config.settings import ConfigurationError, Settings
from render_service.domain.errors import DomainError
from render_service.domain.jobs.job import ProviderName
from render_service.progress.task_hints import give_hint
from render_service.runtime.http_server import HttpError, HttpRequest, HttpResponse, serve_http
from render_service.telemetry.logging import get_logger

if TYPE_CHECKING:
    from render_service.server.callbacks.signatures import SignatureCheck

_log = get_logger(__name__)
MAX_BODY = 256 * 1024
# A signature may be made with a key that was published just now, but not every invalid one is.
_KEYS_FRESH_SECONDS, _KEYS_PAUSE_SECONDS = 3_600.0, 30.0


class CallbackHandler:
    """Responds to callbacks.

    Args:
        redis: A client with short timeouts.
        checks: How each provider that may call back signs its requests.
        prefix: Path of the public base URL, which a reverse proxy may or may not strip.
    """

    def __init__(self, redis: "Redis", checks: "Mapping[ProviderName, SignatureCheck]", prefix: str) -> None:
        self._redis = redis
        self._checks = checks
        self._path = re.compile(f"(?:{re.escape(prefix)})?{CALLBACK_PATH}/([a-z]+)/([0-9a-f-]{{36}})", re.ASCII)

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """Verify a callback and pass the hint on to the worker that polls the task."""
        provider, task_id = self._addressee(request)
        body = await request.body(most=MAX_BODY)
        try:
            if not await self._checks[provider].verify(request.headers, body):
                return HttpResponse(HTTPStatus.UNAUTHORIZED)
            await give_hint(self._redis, task_id)
        except (DomainError, RedisError, OSError, TimeoutError):
            # The provider may try again, and the worker polls in any case.
            return HttpResponse(HTTPStatus.SERVICE_UNAVAILABLE)
        _log.debug("callback received", provider=provider, task=str(task_id))
        return HttpResponse(HTTPStatus.OK)

    def _addressee(self, request: HttpRequest) -> tuple[ProviderName, UUID]:
        found = self._path.fullmatch(request.path)
        if found is None or found[1] not in self._checks:
            raise HttpError(HTTPStatus.NOT_FOUND)
        try:
            task_id = UUID(found[2])
        except ValueError:
            raise HttpError(HTTPStatus.NOT_FOUND) from None
        if request.method != "POST":
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED)
        return ProviderName(found[1]), task_id


@asynccontextmanager
async def callback_listener(settings: Settings, redis: "Redis", *, shares_port: bool = False) -> AsyncIterator[None]:
    """Receive callbacks for as long as the block runs, if configured.

    Args:
        settings: The service's configuration.
        redis: A client with short timeouts.
        shares_port: Whether other processes listen on the same port.

    Raises:
        ConfigurationError: The address is malformed, taken, or not of this machine; or RENDER_CALLBACK_URL is not set.
    """
    if settings.callback_listen is None:
        if settings.callback_url is not None:
            _log.warning("RENDER_CALLBACK_URL is set without RENDER_CALLBACK_LISTEN: no callbacks here")
        yield
        return
    if settings.callback_url is None:
        raise ConfigurationError("RENDER_CALLBACK_LISTEN: needs RENDER_CALLBACK_URL as well")
    from render_service.server.auth.jwks import KeySet  # noqa: PLC0415 - PyJWT is loaded only where it is needed
    from render_service.server.callbacks.signatures import FalSignatures, StandardSignatures  # noqa: PLC0415

    keys = KeySet(
        str(settings.pika_webhook_jwks_url),
        signer="fal's callbacks",
        fresh_seconds=_KEYS_FRESH_SECONDS,
        pause_seconds=_KEYS_PAUSE_SECONDS,
    )
    checks: dict[ProviderName, SignatureCheck] = {ProviderName.PIKA: FalSignatures(keys)}
    secret = settings.custom_video_webhook_secret
    if secret is not None and (key := webhook_key(secret)) is not None:
        checks[ProviderName.CUSTOM] = StandardSignatures(key)
    handler = CallbackHandler(redis, checks, (settings.callback_url.path or "").rstrip("/"))
    try:
        listen = settings.callback_listen
        async with serve_http("RENDER_CALLBACK_LISTEN", listen, handler.respond, shares_port=shares_port):
            yield
    finally:
        await keys.close()
