"""Drives the asyncio client from synchronous tests, so that one test holds both clients to the same promise."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from render_client import AsyncRenderClient

Result = TypeVar("Result")


class BlockingAsyncClient:
    """Has the methods of `AsyncRenderClient` in the form of `RenderClient`'s."""

    def __init__(self, target: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

        async def connect() -> AsyncRenderClient:
            return AsyncRenderClient(target, **options)

        self._client = self._run(connect())

    def close(self) -> None:
        """Close the client."""
        self._run(self._client.close())

    def stop(self) -> None:
        """Stop the loop, after the client was closed."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            return self._iterate(result) if isinstance(result, AsyncGenerator) else self._run(result)

        return call

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        future: Future[Result] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(30)

    def _iterate(self, generator: AsyncGenerator[Result, None]) -> Iterator[Result]:
        async def following() -> tuple[bool, Result | None]:
            try:
                return True, await anext(generator)
            except StopAsyncIteration:
                return False, None

        try:
            while True:
                more, item = self._run(following())
                if not more or item is None:
                    return
                yield item
        finally:
            self._run(generator.aclose())
