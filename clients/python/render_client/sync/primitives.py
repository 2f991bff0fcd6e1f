"""What asyncio and threads do differently. `render_client.aio.primitives` has the same names, for asyncio."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, TypeVar

import grpc

from render_client.config import ClientConfig

if TYPE_CHECKING:
    from grpc import UnaryStreamMultiCallable as StreamMethod
    from grpc import UnaryUnaryMultiCallable as UnaryMethod

    from render_client.v1.project_service_pb2_grpc import ProjectServiceStub as ProjectStub
    from render_client.v1.webhook_service_pb2_grpc import WebhookServiceStub as WebhookStub

    __all__ = ["ProjectStub", "StreamMethod", "UnaryMethod", "WebhookStub"]

Item = TypeVar("Item")
Result = TypeVar("Result")

Stream = Generator[Item, None, None]
"""Items that arrive one by one. Close it, or exhaust it, to end the call behind it."""


def open_channel(config: ClientConfig) -> grpc.Channel:
    """Open a channel to the configured target. It connects on the first call."""
    credentials, options = config.credentials(), config.channel_options()
    if credentials is None:
        return grpc.insecure_channel(config.target, options)
    return grpc.secure_channel(config.target, credentials, options)


@contextlib.contextmanager
def closing(stream: Stream[Item]) -> Generator[Stream[Item], None, None]:
    """Close a stream at the end of a block."""
    try:
        yield stream
    finally:
        stream.close()


def run_blocking(function: Callable[..., Result], *args: object) -> Result:
    """Call a function that blocks on files."""
    return function(*args)


class ClosedFlag:
    """Whether a client was closed, which pauses between attempts notice at once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Record that the client was closed."""
        self._event.set()

    def is_set(self) -> bool:
        """Return whether the client was closed."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the client is closed, for at most so many seconds; return whether it was."""
        return self._event.wait(seconds)

    @contextlib.contextmanager
    def ending(self, error: Exception) -> Iterator[None]:
        """Do nothing: closing the channel ends its calls with a gRPC error, and `wait` notices the rest."""
        yield
