"""Tells providers to stop the tasks of jobs that were cancelled, whoever ran them and whatever became of him."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from render_service.db.database import DatabaseUnavailable
from render_service.db.provider_tasks import ProviderTasks
from render_service.domain.job import ProviderName
from render_service.domain.provider_task import ProviderTask
from render_service.providers.clip_provider import ClipProvider, ProviderFault
from render_service.telemetry import get_logger

_log = get_logger(__name__)
_PATIENCE = timedelta(seconds=10)
_BATCH = 20


class AbandonedTasks:
    """Looks for tasks that nobody wants any more.

    Args:
        ledger: Where tasks are written down.
        providers: Who can be told.
        interval_seconds: Time between two looks.
    """

    def __init__(
        self, ledger: ProviderTasks, providers: Mapping[ProviderName, ClipProvider], *, interval_seconds: float = 1.0
    ) -> None:
        self._ledger = ledger
        self._providers = providers
        self._interval_seconds = interval_seconds

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            try:
                await self.stop_all()
            except DatabaseUnavailable:
                _log.warning("abandoned tasks not looked for: the database is away")

    async def stop_all(self) -> None:
        """Stop what is abandoned now."""
        names = list(self._providers)
        while names:
            found = await self._ledger.take_abandoned(names, patience=_PATIENCE, batch=_BATCH)
            await asyncio.gather(*(self._stop(task) for task in found))
            if len(found) < _BATCH:
                return

    async def _stop(self, task: ProviderTask) -> None:
        assert task.external is not None
        try:
            await self._providers[task.provider].cancel(task.external)
        except ProviderFault as fault:
            _log.warning("a task could not be stopped; tried again", provider=task.provider, reason=fault.message)
            return
        await self._ledger.cancelled(task.id)
        _log.info("task stopped at its provider", provider=task.provider, task=task.external.id)
