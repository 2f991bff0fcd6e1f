"""One attempt of a delivery: a signed POST, guarded and bounded, and its outcome.

Each attempt has its own connection, which ends with it, so a misbehaving receiver affects no other delivery.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from render_service.db.webhooks.webhook_outbox import LeasedDelivery
from render_service.domain.webhooks.webhook import event_id
from render_service.fetch.certificates import public_authorities
from render_service.fetch.errors import DestinationForbidden
from render_service.fetch.resolver import Resolver, system_resolver
from render_service.fetch.retry_after import read_retry_after
from render_service.fetch.transport import GuardedTransport
from render_service.webhooks.backoff import MAX_DELAY
from render_service.webhooks.signing import secrets_of, signed_headers
from render_service.webhooks.url_policy import WebhookUrlPolicy

_TIMEOUT = timedelta(seconds=15)
_MAX_RESPONSE_BYTES = 4 * 1024
_HEADERS = {"Content-Type": "application/json", "User-Agent": "render-service", "Connection": "close"}
_HONOURS_RETRY_AFTER = frozenset({429, 503})
_OVERLOADED = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt.

    Args:
        status: The HTTP status; 0 without a response.
        error: What went wrong, for people; empty if the delivery was accepted.
        retry_after: The delay that the receiver asked for.
    """

    status: int = 0
    error: str = ""
    retry_after: timedelta | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver accepted the delivery."""
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver accepts no further deliveries."""
        return self.status == 410

    @property
    def overloaded(self) -> bool:
        """Whether the receiver seems to be down or overloaded, rather than to reject this delivery."""
        return not self.status or self.status in _OVERLOADED


class DeliveryClient:
    """Sends deliveries.

    Args:
        keys: The service's signing keys, the current one first.
        urls: Decides which URLs deliveries may go to.
        timeout: For a whole attempt.
        resolver: Resolves host names.
        tls: Trusted certificates; None for the public authorities (or `SSL_CERT_FILE`).
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        urls: WebhookUrlPolicy,
        *,
        timeout: timedelta = _TIMEOUT,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._keys = keys
        self._urls = urls
        self._seconds = timeout.total_seconds()
        self._resolver = resolver
        self._tls = tls or public_authorities()

    async def deliver(self, delivery: LeasedDelivery) -> Outcome:
        """Send a delivery once and return the outcome. The response's body is discarded."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(delivery)
        except TimeoutError:
            return Outcome(error="timed out")
        except DestinationForbidden:
            return Outcome(error="the URL is not allowed")
        except httpx.TimeoutException:
            return Outcome(error="timed out")
        except httpx.HTTPError as error:
            return Outcome(error=_describe(error))

    async def _post(self, delivery: LeasedDelivery) -> Outcome:
        url = httpx.URL(delivery.url)
        name = event_id(delivery.job_id, delivery.sequence)
        secrets = secrets_of(delivery.target.workspace_id, self._keys)
        request = httpx.Request(
            "POST",
            url,
            headers={**_HEADERS, **signed_headers(name, int(time.time()), delivery.body, secrets)},
            content=delivery.body,
            extensions={"timeout": httpx.Timeout(self._seconds).as_dict()},
        )
        # The transport alone: a client would add proxies, cookies and redirects.
        transport = GuardedTransport(
            self._urls.policy(url),
            workspace_id=delivery.target.workspace_id,
            resolver=self._resolver,
            tls=self._tls,
        )
        async with transport, aclosing(await transport.handle_async_request(request)) as response:
            await _discard_body(response)
            return _outcome_of(response)


async def _discard_body(response: httpx.Response) -> None:
    """Read a short body to its end, as receivers expect; stop at a long one."""
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if received > _MAX_RESPONSE_BYTES:
            return


def _outcome_of(response: httpx.Response) -> Outcome:
    status = response.status_code
    if 200 <= status < 300:
        return Outcome(status)
    error = f"answered {status}"
    if 300 <= status < 400:
        error += ", and redirects are not followed"
    header = response.headers.get("retry-after", "") if status in _HONOURS_RETRY_AFTER else ""
    return Outcome(status, error, read_retry_after(header, datetime.now(UTC), most=MAX_DELAY) if header else None)


def _describe(error: httpx.HTTPError) -> str:
    """Say what went wrong, without IP addresses or text from outside."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "the receiver's TLS certificate is not trusted"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "cannot be reached"
    return "closed the connection" if isinstance(error, httpx.NetworkError) else "did not respond with HTTP"
