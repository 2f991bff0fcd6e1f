"""Fakes of providers, and a bench that generates clips with them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from render_service.db.database import Database
from render_service.domain.jobs.job import ProviderName
from tests.fakes.custom import FakeCustom
from tests.fakes.fal import FakeFal
from tests.fakes.generating import GeneratingApi
from tests.fakes.runway import FakeRunway
from tests.generation_bench import GenerationBench, open_bench
from tests.integration.providers.generating import CUSTOM, PIKA, RUNWAY


@pytest.fixture
async def fakes() -> AsyncIterator[dict[ProviderName, GeneratingApi]]:
    async with FakeRunway() as runway, FakeFal() as fal, FakeCustom() as custom:
        yield {RUNWAY: runway, PIKA: fal, CUSTOM: custom}


@pytest.fixture
async def bench(
    database: Database, tmp_path: Path, fakes: dict[ProviderName, GeneratingApi]
) -> AsyncIterator[GenerationBench]:
    urls = {name: fake.url for name, fake in fakes.items()}
    async with open_bench(database, tmp_path, urls) as bench:
        yield bench
