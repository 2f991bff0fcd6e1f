"""Cancels the provider tasks of cancelled jobs, no matter which worker submitted them."""

import asyncio
from collections.abc import Mapping, Sequence
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
_TIMEOUT = timedelta(seconds=10)
_BATCH = 20
_UNSENT_SECONDS = 60.0


class OrphanCanceller:
    """Finds and cancels orphaned tasks, for each provider separately: one that hangs delays no other.

    Args:
        ledger: Records the tasks.
        providers: The providers that this worker can use.
        interval_seconds: Mean time between two runs.
        timeout: How long a provider may take to answer; then any worker may try again.
        unsent_at: Providers at which nothing can be cancelled: only what is not submitted yet is dropped.
    """

    def __init__(
        self,
        ledger: GenerationLedger,
        providers: Mapping[ProviderName, ProviderApi],
        *,
        interval_seconds: float = 1.0,
        timeout: timedelta = _TIMEOUT,
        unsent_at: Sequence[str] = (),
    ) -> None:
        self._unsent_at = unsent_at
        self._ledger = ledger
        self._providers = providers
        self._interval_seconds = interval_seconds
        self._timeout = timeout

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            for provider in self._providers.values():
                task = PeriodicTask(f"cancellation at {provider.name}", interval_seconds=self._interval_seconds)
                group.create_task(task.run(partial(self._cancel_orphans, provider)))
            for name in self._unsent_at:
                task = PeriodicTask(f"unsent submissions to {name}", interval_seconds=_UNSENT_SECONDS)
                group.create_task(task.run(partial(self._ledger.drop_unsent, name)))

    async def cancel_all(self) -> None:
        """Cancel the tasks that are orphaned now."""
        await asyncio.gather(*(self._cancel_orphans(provider) for provider in self._providers.values()))

    async def _cancel_orphans(self, provider: ProviderApi) -> None:
        found = None
        while found is None or len(found) == _BATCH:
            found = await self._ledger.claim_orphans(provider.name, retry_after=self._timeout, batch=_BATCH)
            await asyncio.gather(*(self._cancel(provider, task) for task in found))

    async def _cancel(self, provider: ProviderApi, task: ProviderTask) -> None:
        assert task.external is not None
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                await provider.cancel(task.external)
            await self._ledger.cancelled(task.id)
        except (ProviderFault, TimeoutError, DatabaseUnavailable) as fault:
            reason = str(fault) or type(fault).__name__
            _log.warning("task not cancelled at its provider; retrying", provider=provider.name, reason=reason)
            return
        _log.info("task cancelled at its provider", provider=provider.name, task=task.external.id)
