"""What all interceptors share: code that runs around every call, with one response or a stream of them."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError, Message

from render_service.domain.errors import FieldFault, InvalidFields

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call before its handler runs: full method name, request, gRPC's context, and whether responses are streamed."""

    method: str
    request: Message
    context: Context
    streaming: bool = False

    @property
    def metadata(self) -> dict[str, str]:
        """The caller's text metadata by lower-case name. Not kept, since a watch would keep it for hours."""
        return {name: value for name, value in self.context.invocation_metadata() or () if isinstance(value, str)}


class _Undecodable:
    """A request that is not a message of its type."""


def _forgiving(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a deserializer that does not raise: gRPC would send the exception's text to the caller."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _Undecodable()

    return read


def _or_empty(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a deserializer that reads bytes of another type as an empty message."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
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
    """Everything that happens around a call, in one interceptor: each layer costs every idle watch memory.

    Calls with a stream of requests (only server reflection has one) pass unchecked; bytes that are no message count as
    an empty one there.

    Args:
        middleware: Runs around everything.
        access_checks: Run in this order.
    """

    def __init__(self, middleware: Middleware, access_checks: Sequence[AccessCheck]) -> None:
        self._middleware = middleware
        self._access_checks = access_checks
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

        async def unary(request: Message, context: Context) -> Any:
            async with self._admitted(Call(method, request, context)):
                return await handler.unary_unary(request, context)

        # Writes instead of yielding: an abandoned generator is finalised later, in another context, while a coroutine
        # is cancelled, and has released everything when it ends.
        async def stream(request: Message, context: Context) -> None:
            async with self._admitted(Call(method, request, context, streaming=True)):
                responses = handler.unary_stream(request, context)
                if inspect.isawaitable(responses):
                    await responses  # the handler writes by itself
                    return
                async with aclosing(responses):
                    async for response in responses:
                        await context.write(response)

        make: Any = grpc.unary_stream_rpc_method_handler
        if not handler.response_streaming:
            make = grpc.unary_unary_rpc_method_handler
        return make(
            stream if handler.response_streaming else unary,
            request_deserializer=_forgiving(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    @asynccontextmanager
    async def _admitted(self, call: Call) -> AsyncIterator[None]:
        releases: list[Release] = []
        async with self._middleware.around(call):
            try:
                for check in self._access_checks:
                    release = await check.admit(call)
                    releases += (release,) if release is not None else ()
                _refuse_undecodable(call.request)
                yield
            finally:
                for release in releases:
                    release()


def _refuse_undecodable(request: object) -> None:
    if isinstance(request, _Undecodable):
        raise InvalidFields([FieldFault("request", "is not a message of the type that the method takes")])
