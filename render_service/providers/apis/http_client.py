"""An HTTP client for providers' APIs, which classifies failed requests."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from render_service.domain.foreign_json import read_json
from render_service.fetch.certificates import public_authorities
from render_service.fetch.retry_after import read_retry_after
from render_service.providers.apis.uncancellable_requests import UncancellableRequests
from render_service.providers.provider_api import FaultKind, ProviderFault

_BUSY = frozenset({429, 503})
_MAX_WAIT = timedelta(minutes=10)
_MAX_RESPONSE_BYTES = 4 * 1024 * 1024
MAX_AUDIO_BYTES = 128 * 1024 * 1024
"""The largest response with a narration: ten minutes of 48 kHz mono in base64 have 77 MB."""
_MAX_ERROR_BYTES = 64 * 1024
_MAX_MESSAGE = 300
_PATIENCE = 5
"""How many time-outs the body of a charged response may take: what it holds is paid, whether it is read or not."""
_SLOWEST_UPLOAD = 128 * 1024
"""Bytes a second, so that large pictures have more time than other requests."""


class HttpApi:
    """One provider's API: an async context manager, whose calls may run concurrently.

    Submissions use new connections. If the other side closed a kept-alive connection just then, it would be unknown
    whether the submission arrived.

    Args:
        provider: The provider's name, for messages.
        base_url: Base URL of the API.
        headers: Headers of every request, such as the key.
        timeout_seconds: How long one request may take, with its response. The body of a successful response to a
            charged request may take longer, while it arrives.
        busy: Statuses that mean that the API has certainly started nothing.
        max_connections: The most concurrent polls; more wait.
        content_codes: Error codes that say that the provider's moderation refuses the request.
        max_response_bytes: The largest response.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float,
        busy: frozenset[int] = _BUSY,
        max_connections: int = 50,
        content_codes: frozenset[str] = frozenset(),
        max_response_bytes: int = _MAX_RESPONSE_BYTES,
    ) -> None:
        self._provider = provider
        self._content_codes = content_codes
        self._max_response_bytes = max_response_bytes
        self._timeout_seconds = timeout_seconds
        # Some APIs repeat the key in their errors.
        self._secrets = tuple(secret for value in headers.values() if len(secret := value.rpartition(" ")[2]) >= 4)
        self._base = httpx.URL(base_url.rstrip("/"))
        self._busy = busy
        self._requests = UncancellableRequests()
        shared: dict[str, Any] = {
            "headers": {"User-Agent": "render-service", "Accept": "application/json", **headers},
            "timeout": httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, 10.0)),
            "trust_env": False,
            "verify": public_authorities(),
        }
        self._client = httpx.AsyncClient(limits=httpx.Limits(max_connections=max_connections), **shared)
        self._unpooled = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), **shared)
        # Without the key, which no other host may see.
        without_key = {**shared, "headers": {"User-Agent": "render-service"}}
        self._elsewhere = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), **without_key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requests.close()
        for client in (self._client, self._unpooled, self._elsewhere):
            await client.aclose()

    def url(self, path: str) -> str:
        """Return the URL of a path of the API."""
        return f"{self._base}{path}"

    def on_base_url(self, url: str) -> str | None:
        """Return a URL that the API has returned, moved to the base URL, because the key is sent to no other host.

        Returns:
            The URL; None if the text is not a URL.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            return None
        if not parsed.host:
            return None
        return str(self._base.copy_with(raw_path=parsed.raw_path))

    async def submit(self, url: str, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """POST a request that is charged. A fault is LOST unless the API has certainly started nothing."""
        return await self._send(self._unpooled, "POST", url, is_charged=True, json=body, headers=headers)

    async def call(self, method: str, url: str, *, body: object | None = None) -> httpx.Response:
        """Send a request that is safe to repeat; a temporary fault is UNREACHABLE or BUSY."""
        content: dict[str, Any] = {} if body is None else {"json": body}
        return await self._send(self._client, method, url, is_charged=False, **content)

    async def cancel(self, method: str, url: str) -> httpx.Response:
        """Send a request like `call`, without waiting for a connection that polls use."""
        return await self._send(self._unpooled, method, url, is_charged=False)

    async def upload(self, url: str, fields: Mapping[str, str], name: str, content: bytes, media_type: str) -> None:
        """POST a form with a file to another host, without the key."""
        await self._send(
            self._elsewhere,
            "POST",
            url,
            is_charged=False,
            seconds=self._timeout_seconds + len(content) / _SLOWEST_UPLOAD,
            data=dict(fields),
            files={"file": (name, content, media_type)},
        )

    def json(self, response: httpx.Response) -> dict[str, Any]:
        """Return the JSON object of a response.

        Raises:
            ProviderFault: LOST: the response is not a JSON object.
        """
        try:
            value = read_json(response.content)
        except ValueError as error:
            raise ProviderFault(FaultKind.LOST, f"{self._provider} sent a response that is not JSON") from error
        if not isinstance(value, dict):
            raise ProviderFault(FaultKind.LOST, f"{self._provider} sent a response that is not a JSON object")
        return value

    async def _send(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        *,
        is_charged: bool,
        seconds: float | None = None,
        **content: Any,
    ) -> httpx.Response:
        seconds = seconds or self._timeout_seconds
        unknown = FaultKind.LOST if is_charged else FaultKind.UNREACHABLE
        try:
            # The time-out reaches only the caller: the request itself must not be cancelled, and ends by its deadline.
            async with asyncio.timeout(seconds) as limit:

                def be_patient() -> float:
                    """Give a charged response more time once it has begun to arrive; return when that ends."""
                    end = asyncio.get_running_loop().time() + _PATIENCE * seconds
                    if not limit.expired():
                        limit.reschedule(end)
                    return end

                exchange = self._exchange(
                    client, method, url, seconds, on_success=be_patient if is_charged else None, **content
                )
                response = await self._requests.run(exchange)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise ProviderFault(FaultKind.UNREACHABLE, f"{self._provider} is unreachable") from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise ProviderFault(unknown, f"{self._provider} did not respond in time") from error
        except httpx.HTTPError as error:
            raise ProviderFault(unknown, f"{self._provider} closed the connection") from error
        except _TooLarge as error:
            raise ProviderFault(unknown, f"{self._provider} sent a response that is too large") from error
        if response.is_success:
            return response
        raise self._fault_of(response, unknown)

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        seconds: float,
        *,
        on_success: Callable[[], float] | None,
        **content: Any,
    ) -> httpx.Response:
        """Send a request and read its response, of an error as much as there is.

        Args:
            client: Sends the request.
            method: Its method.
            url: Its URL.
            seconds: How long it may take, with its response.
            on_success: Called when a successful response begins; returns when it must have ended, in the loop's time.
            content: Further arguments of httpx.

        Raises:
            httpx.HTTPError: There is no whole response in time.
            _TooLarge: The response is too large; its connection is closed.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        body = bytearray()
        async with client.stream(method, url, **content) as response:
            most = self._max_response_bytes if response.is_success else _MAX_ERROR_BYTES
            if response.is_success and on_success is not None:
                deadline = on_success()
            try:
                await _read(response, body, most, deadline)
            except (httpx.HTTPError, _TooLarge):
                if response.is_success:
                    raise
        headers = [(name, value) for name, value in response.headers.multi_items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body))

    def _fault_of(self, response: httpx.Response, unknown: FaultKind) -> ProviderFault:
        status = response.status_code
        text = _error_text(response)
        # Before the text is cut: part of a secret is a secret too.
        for secret in self._secrets:
            text = text.replace(secret, "…")
        message = f"{self._provider} responded with {status}" + (f": {text[:_MAX_MESSAGE]}" if text else "")
        wait = retry_after(response)
        if status in self._busy:
            return ProviderFault(FaultKind.BUSY, message, retry_after=wait)
        if status in (408, 425) or status >= 500 or response.is_redirect:
            return ProviderFault(unknown, message, retry_after=wait)
        if status in (404, 410):
            return ProviderFault(FaultKind.GONE, message)
        code = _error_code(response)
        if code in self._content_codes:
            return ProviderFault(FaultKind.CONTENT, message, code=code)
        return ProviderFault(FaultKind.REFUSED, message, code=str(status))


class _TooLarge(Exception):
    """A response has more bytes than it may have."""


async def _read(response: httpx.Response, body: bytearray, most: int, deadline: float) -> None:
    """Append the body of a response: until it has more than some bytes, or a time of the event loop is past."""
    clock = asyncio.get_running_loop().time
    async for part in response.aiter_bytes():
        body += part
        if len(body) > most:
            raise _TooLarge
        if clock() > deadline:
            raise httpx.ReadTimeout("the response takes too long")


def _error_code(response: httpx.Response) -> str:
    """Return the word by which an API names an error; empty if there is none."""
    body = _error_body(response)
    named = body.get("error") or body.get("detail")
    code = (named.get("code") or named.get("status") or named.get("type")) if isinstance(named, dict) else ""
    return code if isinstance(code, str) else ""


def _error_text(response: httpx.Response) -> str:
    """Return the error of a response; APIs use one of a few fields for it. Empty if there is none."""
    body = _error_body(response)
    error = next((body[name] for name in ("error", "message", "detail") if body.get(name)), "")
    if isinstance(error, dict):
        error = error.get("message") or error.get("code") or ""
    if isinstance(error, list):
        error = "; ".join(str(item.get("msg", "")) for item in error if isinstance(item, dict))
    return " ".join(str(error).split())


def _error_body(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an error; empty if there is none."""
    try:
        body = read_json(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def retry_after(response: httpx.Response) -> timedelta | None:
    """Return the delay that a response requests, at most ten minutes; None if it requests none."""
    return read_retry_after(response.headers.get("retry-after", ""), datetime.now(UTC), most=_MAX_WAIT)
