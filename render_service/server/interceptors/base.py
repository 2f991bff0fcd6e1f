"""What all calls share: the steps before and after a handler, with one response or a stream of them."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID, uuid4

import grpc
from google.protobuf.message import DecodeError, Message

from render_service.domain.access.access import Principal
from render_service.domain.errors import DomainError
from render_service.server.interceptors.requests import MAX_SMALL_BYTES, ByteBudget, check_small, decode
from render_service.telemetry.tracing.traceparent import TraceParent, read_traceparent

Context = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Call:
    """A call: what is known of it when it arrives, and what its steps add."""

    method: str
    """Its full name: `/package.Service/Method`."""
    context: Context
    streaming: bool
    """Whether responses are streamed."""
    authorization: tuple[str, ...]
    """The values of the metadata `authorization`."""
    parent: TraceParent | None
    """The caller's span."""
    id: UUID = field(default_factory=uuid4)
    """Finds the call in the log and in the audit trail."""
    request: Message | None = None
    """The request, once it is read."""
    principal: Principal | None = None
    """The caller, once it is authenticated."""
    revoked: bool = False
    """Whether the call is cancelled because its credentials are no longer valid."""


Work = Callable[[Call], Awaitable[T]]
Release = Callable[[], None]


class AccessCheck(Protocol):
    """Admits a call, or refuses it by raising."""

    async def admit(self, call: Call) -> Release | None:
        """Admit a call. The returned function is called when the call has ended."""
        ...


class Middleware(Protocol):
    """Runs around every call, access checks included."""

    async def run(self, call: Call, work: Work[T]) -> T:
        """Return what the work returns, or end the call otherwise.

        A coroutine instead of a context manager, which would cost a third of all that guards a call.
        """
        ...


class GuardedHandlers(grpc.GenericRpcHandler):
    """The handlers of all services, each with the middleware and the access checks around it.

    Takes the place of the server where services are added: `add_…Servicer_to_server(servicer, handlers)`. gRPC's own
    ways cost every call more: for each registered method, its server waits for one more future; and each interceptor
    is another coroutine.

    The caller is authenticated before its request is read, let alone parsed: gRPC is given handlers with streamed
    requests, which read them themselves. On the wire there is no difference.

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
        self._access_checks = tuple(access_checks)
        self._budget = ByteBudget()
        self._generic_handlers: list[grpc.GenericRpcHandler] = []
        self._guarded_handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Add the handlers of a service."""
        self._generic_handlers += generic_rpc_handlers

    def add_registered_method_handlers(self, service: str, method_handlers: Mapping[str, Any]) -> None:
        """Do nothing: generated code has added the same handlers already."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a method, which is wrapped once; None if there is none."""
        method = handler_call_details.method
        guarded = self._guarded_handlers.get(method)
        if guarded is None:
            found = (handler.service(handler_call_details) for handler in self._generic_handlers)
            if (handler := next(filter(None, found), None)) is not None:
                guarded = self._guarded_handlers[method] = self._guarded(method, handler)
        return guarded

    async def is_authenticated(self, method: str, context: Any) -> bool:
        """Return whether the caller of a method has valid credentials; nothing is recorded."""
        try:
            await self._authentication.admit(_arrived(method, context, streaming=False))
        except DomainError:
            return False
        return True

    def _guarded(self, method: str, handler: Any) -> Any:
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(
                handler.stream_stream,
                request_deserializer=_or_empty(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                cast("Any", self._guarded_stream(method, handler)), response_serializer=handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            cast("Any", self._guarded_unary(method, handler)), response_serializer=handler.response_serializer
        )

    def _guarded_unary(self, method: str, handler: Any) -> Callable[[object, Context], Awaitable[Any]]:
        deserialize, run = handler.request_deserializer, self._middleware.run

        async def respond(call: Call) -> Any:
            releases: list[Release] = []
            try:
                await self._admit(call, deserialize, releases)
                return await handler.unary_unary(call.request, call.context)
            finally:
                for release in releases:
                    release()

        async def unary(_: object, context: Context) -> Any:
            return await run(_arrived(method, context, streaming=False), respond)

        return unary

    def _guarded_stream(self, method: str, handler: Any) -> Callable[[object, Context], Awaitable[None]]:
        deserialize, run = handler.request_deserializer, self._middleware.run

        # Writes instead of yielding: an unfinished generator is finalised later, in another context, while a coroutine
        # is cancelled, and has released everything when it ends.
        async def write_responses(call: Call) -> None:
            releases: list[Release] = []
            try:
                await self._admit(call, deserialize, releases)
                responses = handler.unary_stream(call.request, call.context)
                if inspect.isawaitable(responses):
                    await responses  # the handler writes by itself
                    return
                async with aclosing(responses):
                    async for response in responses:
                        await call.context.write(response)
            finally:
                for release in releases:
                    release()

        async def stream(_: object, context: Context) -> None:
            await run(_arrived(method, context, streaming=True), write_responses)

        return stream

    async def _admit(self, call: Call, deserialize: Callable[[bytes], Any], releases: list[Release]) -> None:
        if (release := await self._authentication.admit(call)) is not None:
            releases.append(release)
        await self._read_request(call, deserialize, releases)
        for check in self._access_checks:
            release = await check.admit(call)
            releases += (release,) if release is not None else ()

    async def _read_request(self, call: Call, deserialize: Callable[[bytes], Any], releases: list[Release]) -> None:
        """Read and parse the request; a large one holds its part of the budget until the call ends."""
        data: Any = await call.context.read()
        if data is grpc.aio.EOF:
            data = b""
        if call.streaming:
            check_small(data)
        elif len(data) > MAX_SMALL_BYTES:
            releases.append(await self._budget.acquire(len(data)))
        call.request = await decode(data, deserialize)


def _arrived(method: str, context: Context, *, streaming: bool) -> Call:
    """Return a call that has just arrived."""
    authorization: tuple[str, ...] = ()
    parent = None
    for name, value in context.invocation_metadata() or ():
        if name == "authorization":
            authorization += (value if isinstance(value, str) else "",)
        elif name == "traceparent" and isinstance(value, str):
            parent = parent or read_traceparent(value)
    return Call(method, context, streaming, authorization, parent)


def _or_empty(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a deserializer that reads bytes of another type, or too many of them, as an empty message."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data if len(data) <= MAX_SMALL_BYTES else b"")
        except DecodeError:
            return deserialize(b"")

    return read
