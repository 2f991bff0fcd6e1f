"""Cancels the provider tasks of jobs that were cancelled, whichever worker submitted them."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from render_service.db.database import DatabaseUnavailable
from render_service.db.generation.generation_ledger import GenerationLedger
from render_service.domain.generation.provider_task import ProviderTask
from render_service.domain.jobs.job import ProviderName
from render_service.providers.provider_api import ProviderApi, ProviderFault
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)
_PATIENCE = timedelta(seconds=10)
_BATCH = 20


class OrphanCanceller:
    """Finds and cancels orphaned tasks.

    Each provider by itself: one that does not answer keeps only its own tasks waiting.

    Args:
        ledger: Where tasks are written down.
        providers: Who can be told.
        interval_seconds: Time between two looks.
        patience: How long a provider may take to answer; then its task is taken up anew, by whichever worker.
    """

    def __init__(
        self,
        ledger: GenerationLedger,
        providers: Mapping[ProviderName, ProviderApi],
        *,
        interval_seconds: float = 1.0,
        patience: timedelta = _PATIENCE,
    ) -> None:
        self._ledger = ledger
        self._providers = providers
        self._interval_seconds = interval_seconds
        self._patience = patience

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            for provider in self._providers.values():
                task = PeriodicTask(
                    f"cancellation at {provider.name}",
                    interval_seconds=self._interval_seconds,
                )
                group.create_task(task.run(partial(self._stop_tasks_of, provider)))

    async def stop_all(self) -> None:
        """Cancel the tasks that are orphaned now."""
        await asyncio.gather(*(self._stop_tasks_of(provider) for provider in self._providers.values()))

    async def _stop_tasks_of(self, provider: ProviderApi) -> None:
        found = None
        while found is None or len(found) == _BATCH:
            found = await self._ledger.take_abandoned(provider.name, patience=self._patience, batch=_BATCH)
            await asyncio.gather(*(self._stop(provider, task) for task in found))

    async def _stop(self, provider: ProviderApi, task: ProviderTask) -> None:
        assert task.external is not None
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await provider.cancel(task.external)
            await self._ledger.cancelled(task.id)
        except (ProviderFault, TimeoutError, DatabaseUnavailable) as fault:
            reason = str(fault) or type(fault).__name__
            _log.warning("a task could not be stopped; tried again", provider=provider.name, reason=reason)
            return
        _log.info("task stopped at its provider", provider=provider.name, task=task.external.id)
