"""What the HTTP client of providers' APIs takes from a response."""

from collections.abc import AsyncIterator

import pytest

from render_service.providers.apis.http_client import HttpApi
from render_service.providers.provider_api import FaultKind, ProviderFault
from tests.fakes.http_server import FakeServer, Request, Response, answer

KEY = "key-0123456789abcdef"


class Web(FakeServer):
    """Gives one answer to everything."""

    response = Response()

    async def handle(self, request: Request) -> Response:
        return self.response


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as web:
        yield web


async def fault_of(web: Web, response: Response, **options: float) -> ProviderFault:
    """Submit to an API that gives this answer; return the fault."""
    web.response = response
    async with HttpApi("test", web.url, {"Authorization": f"Bearer {KEY}"}, timeout_seconds=10) as api:
        with pytest.raises(ProviderFault) as raised:
            await api.submit(api.url("/speech"), {})
    return raised.value


@pytest.mark.parametrize("before", [0, 290, 295, 299, 400])
async def test_no_part_of_a_key_is_repeated_where_an_error_is_cut(before: int, web: Web) -> None:
    fault = await fault_of(web, answer({"error": "x" * before + KEY}, 401))
    assert fault.kind is FaultKind.REFUSED
    assert KEY[:2] not in fault.message
