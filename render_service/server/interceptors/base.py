"""What all interceptors share: code that runs around every call, with one response or a stream of them."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import DecodeError, Message

from render_service.server.interceptors.requests import MAX_SMALL_BYTES, ByteBudget, check_small, decode

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(slots=True)
class Call:
    """A call: full method name, gRPC's context, whether responses are streamed, and its request once that is read."""

    method: str
    context: Context
    streaming: bool = False
    request: Message = field(default_factory=empty_pb2.Empty)
    revoked: bool = False
    """Whether the call is cancelled because its credentials are no longer valid."""

    @property
    def metadata(self) -> dict[str, str]:
        """The caller's text metadata by lower-case name. Not kept, since a watch would keep it for hours."""
        return {name: value for name, value in self.context.invocation_metadata() or () if isinstance(value, str)}


def _or_empty(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a deserializer that reads bytes of another type, or too many of them, as an empty message."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data if len(data) <= MAX_SMALL_BYTES else b"")
        except DecodeError:
            return deserialize(b"")

    return read


Release = Callable[[], None]


class AccessCheck(Protocol):
    """Admits a call, or refuses it by raising."""

    async def admit(self, call: Call) -> Release | None:
        """Admit a call. The returned function is called when the call has ended."""
        ...


class Middleware(Protocol):
    """Runs around every call, access checks included."""

    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Return a context manager that is entered before, and left after, a call."""
        ...


class CallInterceptor(grpc.aio.ServerInterceptor):
    """All middleware of a call, in one interceptor: each layer costs every idle watch memory.

    The caller is authenticated before its request is read, let alone parsed: methods are registered
    with streamed requests, whose handlers read them themselves. On the wire there is no difference.

    Calls with a stream of requests (only server reflection has one) pass unchecked; malformed bytes count as
    an empty one there.

    Args:
        middleware: Runs around everything.
        authentication: Runs before the request is read.
        access_checks: Run in this order after the request is read.
    """

    def __init__(
        self, middleware: Middleware, authentication: AccessCheck, access_checks: Sequence[AccessCheck]
    ) -> None:
        self._middleware = middleware
        self._authentication = authentication
        self._access_checks = access_checks
        self._budget = ByteBudget()
        self._wrapped: dict[str, Any] = {}

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """Return the wrapped handler of a method; each is wrapped once."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None and (handler := await continuation(handler_call_details)) is not None:
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Any) -> Any:
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(
                handler.stream_stream,
                request_deserializer=_or_empty(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )

        async def unary(_: object, context: Context) -> Any:
            call = Call(method, context)
            async with self._admitted(call, handler.request_deserializer):
                return await handler.unary_unary(call.request, context)

        # Writes instead of yielding: an unfinished generator is finalised later, in another context, while a coroutine
        # is cancelled, and has released everything when it ends.
        async def stream(_: object, context: Context) -> None:
            call = Call(method, context, streaming=True)
            async with self._admitted(call, handler.request_deserializer):
                responses = handler.unary_stream(call.request, context)
                if inspect.isawaitable(responses):
                    await responses  # the handler writes by itself
                    return
                async with aclosing(responses):
                    async for response in responses:
                        await context.write(response)

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                cast("Any", stream), response_serializer=handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(cast("Any", unary), response_serializer=handler.response_serializer)

    @asynccontextmanager
    async def _admitted(self, call: Call, deserialize: Callable[[bytes], Any]) -> AsyncIterator[None]:
        releases: list[Release] = []
        async with self._middleware.around(call):
            try:
                if (release := await self._authentication.admit(call)) is not None:
                    releases.append(release)
                if (release := await self._read_request(call, deserialize)) is not None:
                    releases.append(release)
                for check in self._access_checks:
                    release = await check.admit(call)
                    releases += (release,) if release is not None else ()
                yield
            finally:
                for release in releases:
                    release()

    async def _read_request(self, call: Call, deserialize: Callable[[bytes], Any]) -> Release | None:
        """Read and parse the request; a large one holds its part of the budget until the call ends."""
        data: Any = await call.context.read()
        if data is grpc.aio.EOF:
            data = b""
        release = None
        if call.streaming:
            check_small(data)
        elif len(data) > MAX_SMALL_BYTES:
            release = await self._budget.acquire(len(data))
        try:
            call.request = await decode(data, deserialize)
        except BaseException:
            if release is not None:
                release()
            raise
        return release
