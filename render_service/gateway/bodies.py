"""Reads the bodies of requests: bounded in size, time, and memory for all of them together."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus

from google.rpc import code_pb2
from starlette.requests import Request

from render_service.gateway.errors import refuse

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The largest body: JSON is longer than the message that it stands for, of which gRPC takes 12 MiB."""
LARGE_BYTES = 64 * 1024
"""Larger bodies are few at a time, and parsed beside the event loop."""
_MAX_LARGE_BODIES = 8
_BODY_SECONDS = 60.0


class BodyReader:
    """Reads bodies."""

    def __init__(self) -> None:
        self._large_bodies = asyncio.Semaphore(_MAX_LARGE_BODIES)

    @asynccontextmanager
    async def read(self, request: Request, media_types: Collection[str]) -> AsyncIterator[bytes]:
        """Yield the body of a request; a large one counts as such while the block runs.

        Args:
            request: The request.
            media_types: The types that a body may have. Forms are never among them: a web page could send one to this
                port without being asked for leave (CORS).

        Raises:
            RequestRefused: It is too large, too slow, or of another type.
        """
        async with AsyncExitStack() as stack:
            body = bytearray()
            is_large = False
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    async for piece in request.stream():
                        body += piece
                        if len(body) > MAX_BODY_BYTES:
                            raise refuse(
                                code_pb2.INVALID_ARGUMENT,
                                f"body: has more than {MAX_BODY_BYTES} bytes",
                                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                                {"Connection": "close"},
                            )
                        if len(body) > LARGE_BYTES and not is_large:
                            is_large = True
                            await stack.enter_async_context(self._large_bodies)
            except TimeoutError:
                raise refuse(
                    code_pb2.DEADLINE_EXCEEDED,
                    f"body: did not arrive within {_BODY_SECONDS:.0f} s",
                    HTTPStatus.REQUEST_TIMEOUT,
                    {"Connection": "close"},
                ) from None
            if body and media_type_of(request) not in media_types:
                raise refuse(
                    code_pb2.INVALID_ARGUMENT,
                    f"Content-Type: must be {' or '.join(sorted(media_types))}",
                    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                )
            yield bytes(body)


def media_type_of(request: Request) -> str:
    """Return the type of a request's body in lower case, without parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
