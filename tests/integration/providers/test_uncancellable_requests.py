"""Requests that are cancelled, at whatever moment, leave their connection to others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from render_service.providers.apis.http_client import HttpApi
from tests.fakes.http_server import FakeServer, Request, Response, answer

Ask = Callable[[], Coroutine[Any, Any, object]]
MOMENTS = 80
AT_ONCE = 3


class Web(FakeServer):
    """Answers after a moment."""

    async def handle(self, request: Request) -> Response:
        await asyncio.sleep(0.002)
        return answer({"status": "running"})


@asynccontextmanager
async def asking_a_provider(web: Web) -> AsyncIterator[Ask]:
    """Polls a task, over one connection."""
    async with HttpApi("test", web.url, {}, timeout_seconds=10, max_connections=1) as api:
        yield lambda: api.call("GET", api.url("/task"))


async def test_a_cancelled_request_leaves_its_connection_to_the_next() -> None:
    async with Web() as web, asking_a_provider(web) as ask:
        for moment in range(MOMENTS):
            cancelled = [asyncio.create_task(ask()) for _ in range(AT_ONCE)]
            await asyncio.sleep(moment * 0.0001)
            for task in cancelled:
                task.cancel()
            # Abandoned requests run to their end, and then there is capacity.
            async with asyncio.timeout(60):
                await asyncio.gather(*cancelled, return_exceptions=True)
                await ask()
