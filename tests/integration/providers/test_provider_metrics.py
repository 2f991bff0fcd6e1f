"""What is asked of providers, how it ends and what it costs is counted, with a bounded number of series."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from render_service.db.database import Database
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName
from render_service.providers.apis.instrumented import count_cost
from render_service.telemetry.metrics.worker import PROVIDER_COST, WORKER
from tests.fakes.custom import FakeCustom
from tests.fakes.http_server import Fault
from tests.generation_bench import GenerationBench, open_bench, spec_of

CUSTOM = ProviderName.CUSTOM


@pytest.fixture
async def custom() -> AsyncIterator[FakeCustom]:
    async with FakeCustom() as custom:
        yield custom


@pytest.fixture
async def bench(database: Database, tmp_path: Path, custom: FakeCustom) -> AsyncIterator[GenerationBench]:
    async with open_bench(database, tmp_path, {CUSTOM: custom.url}) as bench:
        yield bench


def metric(name: str, **labels: str) -> float:
    """The current value of a metric of this process."""
    return WORKER.get_sample_value(name, {"provider": "custom", **labels}) or 0


def calls(operation: str, outcome: str) -> float:
    return metric("render_provider_calls_total", operation=operation, outcome=outcome)


async def test_calls_are_counted_by_their_outcome_and_clips_by_their_cost(
    bench: GenerationBench, custom: FakeCustom
) -> None:
    custom.faults = [("POST", Fault(status=503, retry_after="0"))]
    kinds = [("submit", "ok"), ("submit", "busy"), ("fetch", "ok"), ("poll", "ok")]
    before = {kind: calls(*kind) for kind in kinds}
    measured = metric("render_provider_call_seconds_count", operation="submit")
    paid = metric("render_provider_cost_total", unit="USD")
    await bench.run(CUSTOM, spec_of("dawn", "noon"))
    gained = {kind: calls(*kind) - before[kind] for kind in kinds}
    assert (gained["submit", "ok"], gained["submit", "busy"], gained["fetch", "ok"]) == (2, 1, 2)
    assert gained["poll", "ok"] >= 2
    assert metric("render_provider_call_seconds_count", operation="submit") - measured == 3
    assert metric("render_provider_cost_total", unit="USD") - paid == pytest.approx(
        sum(0.02 * task.seconds for task in custom.tasks.values())
    )
    paid = metric("render_provider_cost_total", unit="USD")
    await bench.run(CUSTOM, spec_of("dawn", "noon"))
    assert metric("render_provider_cost_total", unit="USD") == paid, "what is used again costs nothing"


def test_a_backend_that_makes_up_units_makes_no_series_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render_service.providers.apis.instrumented._units", set())
    for number in range(100):
        count_cost(CUSTOM, Cost(f"unit-{number}", Decimal(1)))
    (metric,) = PROVIDER_COST.collect()
    units = {sample.labels["unit"] for sample in metric.samples if sample.labels["provider"] == "custom"}
    assert "other" in units
    assert len([unit for unit in units if unit.startswith("unit-")]) == 20
