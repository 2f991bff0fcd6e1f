"""Calls of the server's own process, for the gateway to HTTP: guarded as all calls are, without a connection.

Through a connection each call would cost more than twice as much: gRPC's client and server take more for it than the
service itself does.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2

from render_service.gateway.calls import Metadata
from render_service.gateway.errors import RequestRefused, refuse
from render_service.server.interceptors.base import GuardedHandlers
from render_service.server.interceptors.requests import MAX_REQUEST_BYTES

_CALL_SECONDS = 120.0
_DETAILS = "grpc-status-details-bin"


@dataclass(slots=True)
class _CallDetails:
    """What finds the handler of a call."""

    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...] = ()


class _Context:
    """The part of `grpc.aio.ServicerContext` that guards and handlers use."""

    __slots__ = ("_metadata", "_peer", "_request", "_status", "queue")

    def __init__(self, request: bytes, metadata: Metadata, peer: str) -> None:
        self._request: bytes | None = request
        self._metadata = metadata
        self._peer = peer
        self._status: Any = None
        self.queue: asyncio.Queue[Message | None] | None = None

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def peer(self) -> str:
        return self._peer

    def auth_context(self) -> Mapping[str, Any]:
        """Return nothing: over HTTP, certificates identify nobody."""
        return {}

    def code(self) -> Any:
        return self._status.code if self._status is not None else grpc.StatusCode.OK

    async def read(self) -> Any:
        request, self._request = self._request, None
        return request if request is not None else grpc.aio.EOF

    async def write(self, message: Message) -> None:
        assert self.queue is not None, "the call streams its responses"
        await self.queue.put(message)

    async def abort_with_status(self, status: Any) -> None:
        self._status = status
        raise grpc.aio.AbortError

    def refusal(self) -> RequestRefused:
        """Return the error that the call was aborted with."""
        details = dict(self._status.trailing_metadata)[_DETAILS]
        return RequestRefused(status_pb2.Status.FromString(details))


class LocalCalls:
    """Makes calls of this process.

    Args:
        handlers: The handlers of all services, with all that guards them.
    """

    def __init__(self, handlers: GuardedHandlers) -> None:
        self._handlers = handlers

    async def admit(self, method: str, metadata: Metadata, peer: str) -> None:
        """Refuse a caller without valid credentials, before its request is read.

        Raises:
            RequestRefused: The credentials are invalid.
        """
        context = _context(b"", metadata, peer)
        if not await self._handlers.is_authenticated(method, context):
            # As a call it is counted and recorded like every other refused one.
            await self.call(method, b"", metadata, peer)

    async def call(self, method: str, request: bytes, metadata: Metadata, peer: str) -> Message:
        """Return the response of a call.

        Raises:
            RequestRefused: It failed.
        """
        context = _context(request, metadata, peer)
        handler = self._handlers.service(_CallDetails(method))
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                response: Message = await handler.stream_unary(None, context)
        except grpc.aio.AbortError:
            raise context.refusal() from None
        except TimeoutError:
            raise refuse(code_pb2.DEADLINE_EXCEEDED, f"took longer than {_CALL_SECONDS:.0f} s", 504) from None
        return response

    def stream(self, method: str, request: bytes, metadata: Metadata, peer: str) -> "LocalResponses":
        """Begin a call with a stream of responses."""
        return LocalResponses(self._handlers.service(_CallDetails(method)), _context(request, metadata, peer))


class LocalResponses:
    """The responses of a streamed call, at most one of them waiting.

    Args:
        handler: The handler of its method.
        context: Its context.
    """

    def __init__(self, handler: Any, context: _Context) -> None:
        self._context = context
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=1)
        context.queue = self._queue
        self._task = asyncio.create_task(self._run(handler))

    async def _run(self, handler: Any) -> None:
        try:
            await handler.stream_stream(None, self._context)
        finally:
            if not self._is_cancelled():
                await self._queue.put(None)

    @staticmethod
    def _is_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    async def first(self, *, within_seconds: float) -> Message | None:
        """Return the first response; None if there is none yet, and `next` returns it.

        Raises:
            RequestRefused: The call failed.
        """
        try:
            async with asyncio.timeout(within_seconds):
                return await self.next()
        except TimeoutError:
            return None

    async def next(self) -> Message | None:
        """Return the next response; None at the end.

        Raises:
            RequestRefused: The call failed.
        """
        response = await self._queue.get()
        if response is None:
            try:
                await self._task
            except grpc.aio.AbortError:
                raise self._context.refusal() from None
        return response

    async def cancel(self) -> None:
        """End the call, and wait until it has ended. Harmless once it has."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _context(request: bytes, metadata: Metadata, peer: str) -> _Context:
    if len(request) > MAX_REQUEST_BYTES:
        message = f"request: has {len(request)} bytes; at most {MAX_REQUEST_BYTES} are taken"
        raise refuse(code_pb2.RESOURCE_EXHAUSTED, message, 413)
    return _Context(request, metadata, peer)
