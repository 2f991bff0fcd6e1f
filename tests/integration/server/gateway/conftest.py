"""A client of the gateway to HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.integration.server.conftest import Service


@pytest_asyncio.fixture(loop_scope="module")
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose paths begin in the workspace of the test."""
    base_url = f"{service.http_url}/v1/workspaces/{service.workspace}"
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=60) as client:
        yield client
