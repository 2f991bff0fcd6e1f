"""Calls the gRPC server on behalf of a request of HTTP: with its credentials, its trace and its address."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2
from starlette.requests import Request

from render_service.gateway.errors import refuse, refuse_call
from render_service.gateway.peer import PEER_KEY
from render_service.gateway.rules import HttpRule

_FORWARDED = ("authorization", "traceparent", "tracestate")
_CALL_SECONDS = 120.0
_OPTIONS = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
    # The server may restart below the gateway: it is tried again at once.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

Metadata = tuple[tuple[str, str], ...]


class Server:
    """The gRPC server behind the gateway.

    Args:
        channel: A channel to it.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._unary: dict[str, Callable[..., Awaitable[Message]]] = {}

    async def call(self, rule: HttpRule, message: Message, metadata: Metadata) -> Message:
        """Return the response of a call.

        Raises:
            RequestRefused: It failed.
        """
        method = self._unary.get(rule.call)
        if method is None:
            method = self._unary[rule.call] = self._channel.unary_unary(
                rule.call, _serialize, GetMessageClass(rule.method.output_type).FromString
            )
        try:
            response: Message = await method(message, metadata=metadata, timeout=_CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise refuse_call(error) from None
        return response

    def stream(self, rule: HttpRule, message: Message, metadata: Metadata) -> "Responses":
        """Begin a call with a stream of responses."""
        method: Any = self._channel.unary_stream(
            rule.call, _serialize, GetMessageClass(rule.method.output_type).FromString
        )
        return Responses(method(message, metadata=metadata))


class Responses:
    """The responses of a streamed call.

    Args:
        call: The call.
    """

    def __init__(self, call: Any) -> None:
        self._call = call
        self._next: asyncio.Task[Any] | None = None

    async def first(self, *, within_seconds: float) -> Message | None:
        """Return the first response; None if there is none yet, and `next` returns it.

        Raises:
            RequestRefused: The call failed.
        """
        self._next = asyncio.ensure_future(self._call.read())
        await asyncio.wait((self._next,), timeout=within_seconds)
        return await self.next() if self._next.done() else None

    async def next(self) -> Message | None:
        """Return the next response; None at the end.

        Raises:
            RequestRefused: The call failed.
        """
        reading, self._next = self._next, None
        try:
            response = await (reading if reading is not None else self._call.read())
        except grpc.aio.AioRpcError as error:
            raise refuse_call(error) from None
        return None if response is grpc.aio.EOF else response

    def cancel(self) -> None:
        """End the call. Harmless once it has ended."""
        if self._next is not None:
            self._next.cancel()
        self._call.cancel()


@asynccontextmanager
async def connect(socket: Path) -> AsyncIterator[Server]:
    """Connect to the server at a Unix socket for as long as the block runs."""
    async with grpc.aio.insecure_channel(f"unix:{socket}", options=_OPTIONS) as channel:
        yield Server(channel)


def metadata_of(request: Request) -> Metadata:
    """Return the metadata of the call that stands for a request.

    Raises:
        RequestRefused: A header cannot be metadata.
    """
    metadata = []
    for name in _FORWARDED:
        for value in request.headers.getlist(name):
            if not value.isascii() or not value.isprintable():
                raise refuse(
                    code_pb2.INVALID_ARGUMENT, f"{name}: has characters that are not ASCII", HTTPStatus.BAD_REQUEST
                )
            metadata.append((name, value))
    if request.client is not None:
        host = f"[{request.client.host}]" if ":" in request.client.host else request.client.host
        family = "ipv6" if ":" in request.client.host else "ipv4"
        metadata.append((PEER_KEY, f"{family}:{host}:{request.client.port}"))
    return tuple(metadata)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
