"""Talks HTTP to a provider's API, and says what a failed request means."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from render_service.fetch.retry_after import read_retry_after
from render_service.providers.apis.uncancellable_requests import UncancellableRequests
from render_service.providers.provider_api import FaultKind, ProviderFault

_BUSY = frozenset({429, 503})
_LONGEST_WAIT = timedelta(minutes=10)
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MAX_MESSAGE = 300


class HttpApi:
    """One provider's API. Used as an async context manager; calls may run at once.

    Submissions go over new connections: on one that was kept open and that the other side closes in this moment, an
    order would be lost without anybody knowing whether it arrived.

    Args:
        who: The provider's name, for messages.
        base_url: Where the API is, without a closing `/`.
        headers: What is sent with every request, such as the key.
        timeout_seconds: How long one request may take.
        busy: Statuses by which this API says that it has surely not begun anything.
        max_connections: How many looks there may be at a time; more wait.
    """

    def __init__(
        self,
        who: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float,
        busy: frozenset[int] = _BUSY,
        max_connections: int = 50,
    ) -> None:
        self._who = who
        self._base = httpx.URL(base_url.rstrip("/"))
        self._busy = busy
        self._requests = UncancellableRequests()
        shared: dict[str, Any] = {
            "headers": {"User-Agent": "render-service", "Accept": "application/json", **headers},
            "timeout": httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, 10.0)),
            "trust_env": False,
        }
        self._client = httpx.AsyncClient(limits=httpx.Limits(max_connections=max_connections), **shared)
        self._orders = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), **shared)
        # Elsewhere the key has no business.
        bare = {**shared, "headers": {"User-Agent": "render-service"}}
        self._elsewhere = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), **bare)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requests.close()
        for client in (self._client, self._orders, self._elsewhere):
            await client.aclose()

    def url(self, path: str) -> str:
        """Return the address of a path of the API."""
        return f"{self._base}{path}"

    def own(self, url: str) -> str | None:
        """Return an address that the API has given, moved to the base address: keys are sent nowhere else.

        Returns:
            The address; None where the text is none.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            return None
        if not parsed.host:
            return None
        return str(self._base.copy_with(raw_path=parsed.raw_path))

    async def order(self, url: str, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """POST something that is charged. A fault is LOST unless it is sure that nothing was begun."""
        return await self._send(self._orders, "POST", url, is_order=True, json=body, headers=headers)

    async def call(self, method: str, url: str, *, body: object | None = None) -> httpx.Response:
        """Send a request that may be repeated; a passing fault is UNREACHABLE or BUSY."""
        more = {} if body is None else {"json": body}
        return await self._send(self._client, method, url, is_order=False, **more)

    async def stop(self, method: str, url: str) -> httpx.Response:
        """Send as `call` what must not wait until all looks at other tasks are through."""
        return await self._send(self._orders, method, url, is_order=False)

    async def upload(self, url: str, fields: Mapping[str, str], name: str, content: bytes, media_type: str) -> None:
        """POST a form with a file to an address elsewhere, without the key."""
        await self._send(
            self._elsewhere,
            "POST",
            url,
            is_order=False,
            data=dict(fields),
            files={"file": (name, content, media_type)},
        )

    def json(self, response: httpx.Response) -> dict[str, Any]:
        """Return the JSON object of an answer.

        Raises:
            ProviderFault: LOST: there is none.
        """
        try:
            value = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ProviderFault(FaultKind.LOST, f"{self._who} answered with something that is no JSON") from error
        if not isinstance(value, dict):
            raise ProviderFault(FaultKind.LOST, f"{self._who} answered with something that is no JSON object")
        return value

    async def _send(
        self, client: httpx.AsyncClient, method: str, url: str, *, is_order: bool, **content: Any
    ) -> httpx.Response:
        unknown = FaultKind.LOST if is_order else FaultKind.UNREACHABLE
        try:
            response = await self._requests.run(client.request(method, url, **content))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise ProviderFault(FaultKind.UNREACHABLE, f"{self._who} cannot be reached") from error
        except httpx.TimeoutException as error:
            raise ProviderFault(unknown, f"{self._who} does not answer in time") from error
        except httpx.HTTPError as error:
            raise ProviderFault(unknown, f"{self._who} broke the connection off") from error
        if len(response.content) > _MAX_ANSWER_BYTES:
            raise ProviderFault(unknown, f"{self._who} answered with too much")
        if response.is_success:
            return response
        raise self._fault_of(response, unknown)

    def _fault_of(self, response: httpx.Response, unknown: FaultKind) -> ProviderFault:
        status = response.status_code
        said = f"{self._who} answered {status}{_told(response)}"
        wait = retry_after(response)
        if status in self._busy:
            return ProviderFault(FaultKind.BUSY, said, retry_after=wait)
        if status in (408, 425) or status >= 500 or response.is_redirect:
            return ProviderFault(unknown, said, retry_after=wait)
        if status in (404, 410):
            return ProviderFault(FaultKind.GONE, said)
        return ProviderFault(FaultKind.REFUSED, said, code=str(status))


def _told(response: httpx.Response) -> str:
    """Return what an API says about a refusal, as the end of a sentence; APIs put it into one of a few fields."""
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return ""
    if not isinstance(body, dict):
        return ""
    told = next((body[name] for name in ("error", "message", "detail") if body.get(name)), "")
    if isinstance(told, dict):
        told = told.get("message") or told.get("code") or ""
    if isinstance(told, list):
        told = "; ".join(str(one.get("msg", "")) for one in told if isinstance(one, dict))
    text = " ".join(str(told).split())
    return f": {text[:_MAX_MESSAGE]}" if text else ""


def retry_after(response: httpx.Response) -> timedelta | None:
    """Return how long a response asks to wait, at most ten minutes; None if it does not ask."""
    return read_retry_after(response.headers.get("retry-after", ""), datetime.now(UTC), most=_LONGEST_WAIT)
