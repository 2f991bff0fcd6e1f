"""The calls that requests of HTTP become: with their credentials, their trace and their address."""

from http import HTTPStatus
from typing import Protocol

from google.protobuf.message import Message
from google.rpc import code_pb2
from starlette.requests import Request

from render_service.gateway.errors import refuse

_FORWARDED = ("authorization", "traceparent", "tracestate")

Metadata = tuple[tuple[str, str], ...]


class Responses(Protocol):
    """The responses of a streamed call."""

    async def next(self) -> Message | None:
        """Return the next response; None at the end.

        Raises:
            RequestRefused: The call failed.
        """
        ...

    async def first(self, *, within_seconds: float) -> Message | None:
        """Return the first response; None if there is none yet, and `next` returns it.

        Raises:
            RequestRefused: The call failed.
        """
        ...

    async def cancel(self) -> None:
        """End the call. Harmless once it has ended."""
        ...


class Server(Protocol):
    """The gRPC server behind the gateway, with all that guards its calls."""

    async def admit(self, method: str, metadata: Metadata, peer: str) -> None:
        """Refuse a caller without valid credentials, before its request is read.

        Raises:
            RequestRefused: The credentials are invalid.
        """
        ...

    async def call(self, method: str, request: bytes, metadata: Metadata, peer: str) -> Message:
        """Return the response of a call.

        Args:
            method: `/package.Service/Method`.
            request: The request, serialised.
            metadata: The metadata of the call.
            peer: Who calls, as gRPC writes it.

        Raises:
            RequestRefused: It failed.
        """
        ...

    def stream(self, method: str, request: bytes, metadata: Metadata, peer: str) -> Responses:
        """Begin a call with a stream of responses; the arguments are those of `call`."""
        ...


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
    return tuple(metadata)


def peer_of(request: Request) -> str:
    """Return who sent a request, as gRPC writes it: `ipv4:192.0.2.1:50000`."""
    if request.client is None:
        return ""
    host, port = request.client
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
