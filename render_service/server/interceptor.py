"""What interceptors of this server have in common: something done around every call, be its answer one or a stream."""

import inspect
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call before its handler runs: full method name, text metadata by lower-case name, request."""

    method: str
    metadata: dict[str, str]
    request: Message
    context: Context


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Does something around every call.

    Calls with a stream of requests (only server reflection has one) pass untouched.
    """

    @abstractmethod
    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Return what is entered before, and left after, the handler of a call."""

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """Wrap the handler of a call."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler
        method = handler_call_details.method
        metadata = {
            name: value for name, value in handler_call_details.invocation_metadata or () if isinstance(value, str)
        }

        async def unary(request: Message, context: Context) -> Any:
            async with self.around(Call(method, metadata, request, context)):
                return await handler.unary_unary(request, context)

        # Writes instead of yielding: a generator that its caller leaves is ended later and in another context, while a
        # coroutine is cancelled, and has given back all that it held when it ends.
        async def stream(request: Message, context: Context) -> None:
            async with self.around(Call(method, metadata, request, context)):
                responses = handler.unary_stream(request, context)
                if inspect.isawaitable(responses):
                    await responses  # an interceptor within this one has written them already
                    return
                async with aclosing(responses):
                    async for response in responses:
                        await context.write(response)

        make: Any = grpc.unary_stream_rpc_method_handler
        if not handler.response_streaming:
            make = grpc.unary_unary_rpc_method_handler
        return make(
            stream if handler.response_streaming else unary,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
