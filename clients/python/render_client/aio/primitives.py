"""What asyncio and threads do differently. `render_client.sync.primitives` has the same names, for threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import grpc

from render_client.config import ClientConfig

if TYPE_CHECKING:
    from grpc.aio import UnaryStreamMultiCallable as StreamMethod
    from grpc.aio import UnaryUnaryMultiCallable as UnaryMethod

    from render_client.v1.project_service_pb2_grpc import ProjectServiceAsyncStub as ProjectStub
    from render_client.v1.webhook_service_pb2_grpc import WebhookServiceAsyncStub as WebhookStub

    __all__ = ["ProjectStub", "StreamMethod", "UnaryMethod", "WebhookStub"]

Item = TypeVar("Item")
Result = TypeVar("Result")

Stream = AsyncGenerator[Item, None]
"""Items that arrive one by one. Close it, or exhaust it, to end the call behind it."""


def open_channel(config: ClientConfig) -> grpc.aio.Channel:
    """Open a channel to the configured target. It connects on the first call."""
    credentials, options = config.credentials(), config.channel_options()
    if credentials is None:
        return grpc.aio.insecure_channel(config.target, options)
    return grpc.aio.secure_channel(config.target, credentials, options)


@contextlib.asynccontextmanager
async def closing(stream: Stream[Item]) -> AsyncGenerator[Stream[Item], None]:
    """Close a stream at the end of a block."""
    try:
        yield stream
    finally:
        await stream.aclose()


async def run_blocking(function: Callable[..., Result], *args: object) -> Result:
    """Call a function that blocks on files, without blocking the event loop."""
    return await asyncio.to_thread(function, *args)


class ClosedFlag:
    """Whether a client was closed, which pauses between attempts notice at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Record that the client was closed."""
        self._event.set()

    def is_set(self) -> bool:
        """Return whether the client was closed."""
        return self._event.is_set()

    async def wait(self, seconds: float) -> bool:
        """Wait until the client is closed, for at most so many seconds; return whether it was."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    @contextlib.contextmanager
    def ending(self, error: Exception) -> Iterator[None]:
        """Raise an error where closing the client cancels the block; cancelling the caller's task is not affected."""
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            # Before Python 3.11 a task does not know whether it is cancelled; a closed client then counts as the cause.
            cancelled = getattr(task, "cancelling", bool)()
            if self.is_set() and task and not cancelled:
                raise error from None
            raise
