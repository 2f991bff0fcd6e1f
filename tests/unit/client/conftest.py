"""A fake service, a line to it, and both clients at the other end."""

from collections.abc import Iterator
from typing import cast

import pytest
from render_client import RenderClient, RetryPolicy
from render_client.config import MetadataHook

from tests.unit.client.blocking import BlockingAsyncClient
from tests.unit.client.fake_server import FakeServer, Line
from tests.unit.client.fake_service import FakeService

IMPATIENT = RetryPolicy(first_delay=0.01, longest_delay=0.05, give_up_after=20.0)


@pytest.fixture
def service() -> FakeService:
    """What the server knows."""
    return FakeService()


@pytest.fixture
def server(service: FakeService) -> Iterator[FakeServer]:
    """A running server."""
    server = FakeServer(service)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def line(server: FakeServer) -> Iterator[Line]:
    """A line to the server."""
    line = Line(server.port)
    yield line
    line.close()


@pytest.fixture
def retry() -> RetryPolicy:
    """The retry policy of the clients; a test may give another."""
    return IMPATIENT


@pytest.fixture
def metadata() -> MetadataHook | None:
    """What the clients are to send along; a test may give something."""
    return None


@pytest.fixture(params=["sync", "asyncio"])
def client(
    request: pytest.FixtureRequest, line: Line, retry: RetryPolicy, metadata: MetadataHook | None
) -> Iterator[RenderClient]:
    """Each of the two clients, seen as the synchronous one."""
    make = RenderClient if request.param == "sync" else BlockingAsyncClient
    client = make(line.target, token="a-token", retry=retry, metadata=metadata)
    yield cast("RenderClient", client)
    client.close()
    if isinstance(client, BlockingAsyncClient):
        client.stop()
