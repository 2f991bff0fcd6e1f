"""One try of a delivery: a signed POST, guarded and bounded, and what came of it.

Each has a connection of its own, which ends with it: whatever a receiver does to one, no other can suffer from it.
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
from render_service.fetch.errors import DestinationForbidden
from render_service.fetch.transport import Resolver, guarded_transport
from render_service.webhooks.address import Addresses
from render_service.webhooks.backoff import read_retry_after
from render_service.webhooks.resolver import look_up
from render_service.webhooks.signing import secrets_of, signed_headers

_TIMEOUT = timedelta(seconds=15)
_MOST_ANSWER_BYTES = 4 * 1024
_HEADERS = {"Content-Type": "application/json", "User-Agent": "render-service", "Connection": "close"}
_ASKS_FOR_PATIENCE = frozenset({429, 503})
_STRUGGLING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try.

    Args:
        status: Of the answer; 0 where there was none.
        error: What was wrong, for people; empty where the delivery was accepted.
        retry_after: How long the receiver asked to be left alone.
    """

    status: int = 0
    error: str = ""
    retry_after: timedelta | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver says that it wants no such thing any more."""
        return self.status == 410

    @property
    def struggling(self) -> bool:
        """Whether the receiver seems to be away or overloaded, rather than to dislike this delivery."""
        return not self.status or self.status in _STRUGGLING


class Poster:
    """Sends deliveries.

    Args:
        keys: The service's signing keys, the current one first.
        addresses: Knows where deliveries may go.
        timeout: For a whole try.
        resolver: Looks up names.
        tls: Trusted certificates; None for the public authorities (or `SSL_CERT_FILE`).
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        addresses: Addresses,
        *,
        timeout: timedelta = _TIMEOUT,
        resolver: Resolver = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._keys = keys
        self._addresses = addresses
        self._seconds = timeout.total_seconds()
        self._resolver = resolver
        self._tls = tls or httpx.create_ssl_context()

    async def post(self, delivery: LeasedDelivery) -> Outcome:
        """Send a delivery once and say what came of it; the answer's body is not kept."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(delivery)
        except TimeoutError:
            return Outcome(error="timed out")
        except DestinationForbidden:
            return Outcome(error="the address is not allowed")
        except httpx.TimeoutException:
            return Outcome(error="timed out")
        except httpx.HTTPError as error:
            return Outcome(error=_words(error))

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
        # No client upon it: that would bring proxies, cookies and redirects of its own.
        transport = guarded_transport(self._addresses.policy(url), resolver=self._resolver, tls=self._tls)
        async with transport, aclosing(await transport.handle_async_request(request)) as response:
            await _skim(response)
            return _read(response)


async def _skim(response: httpx.Response) -> None:
    """Read a short answer to its end, as receivers expect; a long one is broken off."""
    received = 0
    async for piece in response.aiter_raw():
        received += len(piece)
        if received > _MOST_ANSWER_BYTES:
            return


def _read(response: httpx.Response) -> Outcome:
    status = response.status_code
    if 200 <= status < 300:
        return Outcome(status)
    error = f"answered {status}"
    if 300 <= status < 400:
        error += ", and redirects are not followed"
    asked = response.headers.get("retry-after", "") if status in _ASKS_FOR_PATIENCE else ""
    return Outcome(status, error, read_retry_after(asked, datetime.now(UTC)) if asked else None)


def _words(error: httpx.HTTPError) -> str:
    """Say what went wrong, without addresses or texts from elsewhere."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "the receiver cannot prove its identity over TLS"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "cannot be reached"
    return "broke the connection off" if isinstance(error, httpx.NetworkError) else "did not answer in HTTP"
