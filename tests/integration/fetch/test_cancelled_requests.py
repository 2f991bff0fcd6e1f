"""Requests that are cancelled, at whatever moment, leave their connection to others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

import httpx
import pytest

from render_service.fetch.policy import FetchPolicy
from render_service.fetch.transport import guarded_transport
from render_service.providers.apis.http_client import HttpApi
from tests.fakes.http_server import FakeServer, Request, Response, answer

Ask = Callable[[], Coroutine[Any, Any, object]]
MOMENTS = 80
AT_ONCE = 3


class Web(FakeServer):
    """Answers after a moment; what lies at `/large` takes several reads."""

    async def handle(self, request: Request) -> Response:
        await asyncio.sleep(0.002)
        return Response(200, b"x" * 400_000) if request.path == "/large" else answer({"status": "running"})


@asynccontextmanager
async def asking_a_provider(web: Web) -> AsyncIterator[Ask]:
    """Looks at a task, over one connection."""
    async with HttpApi("test", web.url, {}, timeout_seconds=10, max_connections=1) as api:
        yield lambda: api.call("GET", api.url("/task"))


@asynccontextmanager
async def fetching(web: Web) -> AsyncIterator[Ask]:
    """Fetches something, over one connection."""
    policy = FetchPolicy(allow_http=True, allow_private=True, allowed_hosts=frozenset({"127.0.0.1"}))

    async def fetch() -> None:
        timeout = {"timeout": httpx.Timeout(10).as_dict()}
        request = httpx.Request("GET", f"{web.url}/large", extensions=timeout)
        async with aclosing(await transport.handle_async_request(request)) as response:
            async for _ in response.aiter_raw():
                pass

    async with guarded_transport(policy, max_connections=1) as transport:
        yield fetch


@pytest.mark.parametrize("opened", [asking_a_provider, fetching])
async def test_a_cancelled_request_leaves_its_connection_to_the_next(
    opened: Callable[[Web], AbstractAsyncContextManager[Ask]],
) -> None:
    async with Web() as web, opened(web) as ask:
        for moment in range(MOMENTS):
            cancelled = [asyncio.create_task(ask()) for _ in range(AT_ONCE)]
            await asyncio.sleep(moment * 0.0001)
            for task in cancelled:
                task.cancel()
            # Those that nobody waits for any more go on to their end, and then there is room.
            async with asyncio.timeout(5):
                await asyncio.gather(*cancelled, return_exceptions=True)
                await ask()
