"""Prunes old webhook deliveries, a batch at a time."""

from datetime import timedelta

from render_service.db.webhooks.webhook_deliveries import WebhookDeliveries
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class DeliveryPruner:
    """Prunes old deliveries, and those of deleted webhooks.

    Args:
        deliveries: The deliveries.
        age: How long deliveries are kept.
        interval_seconds: The mean time between two runs.
    """

    def __init__(self, deliveries: WebhookDeliveries, *, age: timedelta, interval_seconds: float = 60.0) -> None:
        self._deliveries = deliveries
        self._age = age
        self._task = PeriodicTask("delivery pruner", interval_seconds=interval_seconds)

    async def run(self) -> None:
        """Prune until cancelled."""
        await self._task.run(self.prune)

    async def prune(self) -> None:
        """Prune once. Raises DatabaseUnavailable."""
        while pruned := await self._deliveries.forget(age=self._age):
            _log.info("pruned deliveries", deliveries=pruned)
