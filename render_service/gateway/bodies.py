"""Reads the bodies of requests: bounded in size, in time, and in the memory of all of them together."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import TypeVar

from google.rpc import code_pb2
from starlette.requests import Request

from render_service.gateway.errors import refuse

T = TypeVar("T")

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The largest body: JSON is longer than the message that it stands for, of which gRPC takes 12 MiB."""
LARGE_BYTES = 64 * 1024
"""Larger bodies are taken from authenticated callers only, and few at a time."""
_MAX_ARRIVING, _MAX_PARSED = 64, 4
_BODY_SECONDS = 60.0


class BodyReader:
    """Reads bodies, and parses large ones beside the event loop."""

    def __init__(self) -> None:
        self._arriving = 0
        self._parsing = asyncio.Semaphore(_MAX_PARSED)

    async def read(self, request: Request, media_types: Collection[str], admit: Callable[[], Awaitable[None]]) -> bytes:
        """Return the body of a request.

        Args:
            request: The request.
            media_types: The types that a body may have. Forms are never among them: a web page could send one to this
                port without being asked for leave (CORS).
            admit: Refuses callers without valid credentials; called before more than `LARGE_BYTES` are held.

        Raises:
            RequestRefused: It is too large, too slow, or of another type.
        """
        media_type, body, is_large = media_type_of(request), bytearray(), False
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in request.stream():
                    body += piece
                    if body and media_type not in media_types:
                        raise refuse(
                            code_pb2.INVALID_ARGUMENT,
                            f"Content-Type: must be {' or '.join(sorted(media_types))}",
                            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                        )
                    if len(body) > MAX_BODY_BYTES:
                        raise refuse(
                            code_pb2.INVALID_ARGUMENT,
                            f"body: has more than {MAX_BODY_BYTES} bytes",
                            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                            {"Connection": "close"},
                        )
                    if len(body) > LARGE_BYTES and not is_large:
                        await admit()
                        self._begin()
                        is_large = True
        except TimeoutError:
            raise refuse(
                code_pb2.DEADLINE_EXCEEDED,
                f"body: did not arrive within {_BODY_SECONDS:.0f} s",
                HTTPStatus.REQUEST_TIMEOUT,
                {"Connection": "close"},
            ) from None
        finally:
            self._arriving -= is_large
        return bytes(body)

    async def parse(self, body: bytes, parse: Callable[[bytes], T]) -> T:
        """Return what a body is parsed to. The tree of a large one takes many times its text."""
        if len(body) <= LARGE_BYTES:
            return parse(body)
        async with self._parsing:
            return await asyncio.to_thread(parse, body)

    def _begin(self) -> None:
        if self._arriving >= _MAX_ARRIVING:
            message = f"{_MAX_ARRIVING} large bodies arrive at this moment; try again"
            raise refuse(
                code_pb2.UNAVAILABLE,
                message,
                HTTPStatus.SERVICE_UNAVAILABLE,
                {"Retry-After": "1", "Connection": "close"},
            )
        self._arriving += 1


async def encode(size: int, make: Callable[[], bytes]) -> bytes:
    """Return what is made of a message of a size in bytes; large ones are made beside the event loop."""
    return make() if size <= LARGE_BYTES else await asyncio.to_thread(make)


def media_type_of(request: Request) -> str:
    """Return the type of a request's body in lower case, without parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
