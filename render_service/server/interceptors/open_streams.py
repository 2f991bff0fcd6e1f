"""Limits streams that need no credentials, such as Health.Watch: each takes memory for as long as it is open."""

from collections import Counter
from functools import partial

from render_service.domain.errors import DomainError, ErrorReason
from render_service.server.interceptors.authorization import is_open
from render_service.server.interceptors.base import Call, Release
from render_service.server.interceptors.refusals import address_of

MAX_STREAMS = 1_000
"""How many streams without credentials one server has open."""
MAX_STREAMS_PER_ADDRESS = 250
_RETRY_SECONDS = 60.0


class OpenStreamLimit:
    """Refuses streams without credentials beyond a number for each address and in total."""

    def __init__(self) -> None:
        self._by_address: Counter[str] = Counter()

    async def admit(self, call: Call) -> Release | None:
        """Count a stream for as long as it is open.

        Raises:
            DomainError: QUOTA_EXCEEDED.
        """
        if not call.streaming or not is_open(call.method):
            return None
        address = address_of(call.context.peer())
        for limit, used in (
            (MAX_STREAMS_PER_ADDRESS, self._by_address[address]),
            (MAX_STREAMS, self._by_address.total()),
        ):
            if used >= limit:
                raise DomainError(
                    ErrorReason.QUOTA_EXCEEDED,
                    f"this server has {limit} open streams without credentials already; close some, or use Check",
                    {"quota": "open_streams", "limit": str(limit)},
                    retry_after_seconds=_RETRY_SECONDS,
                )
        self._by_address[address] += 1
        return partial(self._leave, address)

    def _leave(self, address: str) -> None:
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
