"""Reads the request of a call: after authentication, within limits, and with bounded memory for all calls."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from google.protobuf.message import DecodeError, Message

from render_service.domain.errors import FieldFault, InvalidFields
from render_service.server.interceptors.wire_format import has_more_fields

MAX_REQUEST_BYTES = 12 * 1024 * 1024
"""The largest request that is received, uncompressed: 200 shots with texts and URLs of full length have 10 MiB."""
MAX_FIELDS = 300_000
"""The most fields of a request. 30,000 words with their times have 240,000."""
MAX_SMALL_BYTES = 64 * 1024
"""The largest request of a streamed or open call; smaller requests do not count against the budget."""
LARGE_BYTES = 128 * 1024
"""Work on more than this would delay the other calls on the event loop noticeably."""
BUDGET_BYTES = 2 * MAX_REQUEST_BYTES
"""How many bytes of large requests one process handles at a time."""

P = ParamSpec("P")
R = TypeVar("R")
_REQUEST_BYTES: ContextVar[int] = ContextVar("request_bytes", default=0)


def is_small_request() -> bool:
    """Whether work on the current call's request is too little to delay the other calls."""
    return _REQUEST_BYTES.get() <= LARGE_BYTES


def mark_large() -> None:
    """Treat work on the current call as large from here on, such as once it has read a stored project."""
    _REQUEST_BYTES.set(max(_REQUEST_BYTES.get(), LARGE_BYTES + 1))


def count_as(size: int) -> None:
    """Treat work on the current call as that on a request of so many bytes from here on: work on a part of its request.

    Between many such parts, leave the event loop to other calls.
    """
    _REQUEST_BYTES.set(size)


async def off_loop(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what some work on the current call's request returns; large work runs in a thread: see `mark_large`."""
    if is_small_request():
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


class ByteBudget:
    """Bounds the bytes of large requests in progress; callers wait in order of arrival.

    Args:
        size: The bytes that may be held at a time; a larger single request may hold all of it.
    """

    def __init__(self, size: int = BUDGET_BYTES) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def acquire(self, size: int) -> Callable[[], None]:
        """Wait until some bytes are free and hold them; the returned function releases them."""
        size = min(size, self._size)
        if self._waiting or size > self._free:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._release(size)
                else:
                    self._waiting.remove((size, turn))
                    self._serve()
                raise
        else:
            self._free -= size
        return lambda: self._release(size)

    def _release(self, size: int) -> None:
        self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= size
                turn.set_result(None)


async def decode(data: bytes, deserialize: Callable[[bytes], Any]) -> Message:
    """Return the message in a request's bytes.

    The fields of a large request are counted first, aside from the event loop: parsed, tiny nested messages take 90
    times their bytes. From here on, `off_loop` knows the size.

    Raises:
        InvalidFields: The bytes are not a message of the method's type, or have more fields than any valid one.
    """
    _REQUEST_BYTES.set(len(data))
    if len(data) > MAX_SMALL_BYTES and await asyncio.to_thread(
        has_more_fields, data, deserialize(b"").DESCRIPTOR, MAX_FIELDS
    ):
        raise InvalidFields([FieldFault("request", f"has more than {MAX_FIELDS:,} fields")])
    try:
        message: Message = deserialize(data)
    except DecodeError:
        raise InvalidFields([FieldFault("request", "is not a message of the type that the method takes")]) from None
    return message


def check_small(data: bytes) -> None:
    """Refuse a large request to a call that needs none.

    Raises:
        InvalidFields: The request is larger than MAX_SMALL_BYTES.
    """
    if len(data) > MAX_SMALL_BYTES:
        raise InvalidFields(
            [FieldFault("request", f"has {len(data)} bytes; this method takes at most {MAX_SMALL_BYTES}")]
        )
