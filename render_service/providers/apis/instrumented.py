"""Counts, measures and traces every call to a provider, in one place for all of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from uuid import UUID

from render_service.domain.generation.provider_task import ExternalTask
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName
from render_service.providers.provider_api import ClipRequest, ProviderApi, ProviderFault, TaskReport, Traits
from render_service.telemetry.metrics.worker import PROVIDER_CALL_SECONDS, PROVIDER_CALLS, PROVIDER_COST
from render_service.telemetry.tracing.spans import Kind, span

# The backend behind `custom` names its unit itself, and must not create any number of time series.
_MAX_UNITS = 20
_units: set[tuple[str, str]] = set()


@contextmanager
def measured(provider: str, operation: str, *, traced: bool = True, noun: str = "clip") -> Iterator[None]:
    """Count and measure a call to a provider, and record it as a span.

    Args:
        provider: The provider.
        operation: The kind of call; one of a few words.
        traced: Whether to record a span; polls are too frequent for one each.
        noun: What the call is about, for the span's name.
    """
    outcome = "error"
    opened = span(f"{operation} {noun}", {"render.provider": provider}, kind=Kind.CLIENT) if traced else nullcontext()
    with PROVIDER_CALL_SECONDS.labels(provider, operation).time(), opened as recorded:
        try:
            yield
            outcome = "ok"
        except ProviderFault as fault:
            outcome = fault.kind.name.lower()
            if recorded is not None:
                recorded.end_with(fault.kind.name)
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            PROVIDER_CALLS.labels(provider, operation, outcome).inc()


def count_cost(provider: str, cost: Cost | None) -> None:
    """Add the cost of a clip to the metric."""
    if cost is None:
        return
    unit = (provider, cost.unit)
    if unit in _units or len(_units) < _MAX_UNITS:
        _units.add(unit)
        PROVIDER_COST.labels(provider, cost.unit).inc(float(cost.amount))
    else:
        PROVIDER_COST.labels(provider, "other").inc(float(cost.amount))


class InstrumentedProvider:
    """A provider's API with every call measured and traced; see `provider_api.ProviderApi`.

    Args:
        provider: The provider.
    """

    def __init__(self, provider: ProviderApi) -> None:
        self._provider = provider

    @property
    def name(self) -> ProviderName:
        """Which provider it is."""
        return self._provider.name

    @property
    def traits(self) -> Traits:
        """Its limits and features."""
        return self._provider.traits

    async def prepare(self, request: ClipRequest) -> ClipRequest:
        """Make the picture available to the provider."""
        with measured(self.name, "prepare"):
            return await self._provider.prepare(request)

    async def submit(self, request: ClipRequest, key: UUID) -> ExternalTask:
        """Submit a clip."""
        with measured(self.name, "submit"):
            return await self._provider.submit(request, key)

    async def poll(self, task: ExternalTask) -> TaskReport:
        """Poll a task."""
        with measured(self.name, "poll", traced=False):
            return await self._provider.poll(task)

    async def cancel(self, task: ExternalTask) -> None:
        """Cancel a task."""
        with measured(self.name, "cancel"):
            await self._provider.cancel(task)
