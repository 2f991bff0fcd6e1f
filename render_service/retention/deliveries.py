"""Prunes old webhook deliveries, a batch at a time."""

import asyncio
import random
from datetime import timedelta

from render_service.db.database import DatabaseUnavailable
from render_service.db.webhooks.webhook_deliveries import WebhookDeliveries
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
        self._interval_seconds = interval_seconds

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds * random.uniform(0.75, 1.25))  # noqa: S311 - not for cryptography
            try:
                while pruned := await self._deliveries.forget(age=self._age):
                    _log.info("pruned deliveries", deliveries=pruned)
            except DatabaseUnavailable:
                _log.debug("cannot prune deliveries: database unavailable")
