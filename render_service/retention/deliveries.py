"""Removes deliveries that are kept no longer, a few at a time."""

import asyncio
import random
from datetime import timedelta

from render_service.db.database import DatabaseUnavailable
from render_service.db.webhooks.webhook_deliveries import WebhookDeliveries
from render_service.telemetry.logging import get_logger

_log = get_logger(__name__)


class DeliveryPruner:
    """Removes old deliveries, and those of deleted webhooks.

    Args:
        deliveries: The deliveries.
        age: How long they are kept.
        interval_seconds: The mean time between two looks.
    """

    def __init__(self, deliveries: WebhookDeliveries, *, age: timedelta, interval_seconds: float = 60.0) -> None:
        self._deliveries = deliveries
        self._age = age
        self._interval_seconds = interval_seconds

    async def run(self) -> None:
        """Remove until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds * random.uniform(0.75, 1.25))  # noqa: S311 - keeps no secret
            try:
                while removed := await self._deliveries.forget(age=self._age):
                    _log.info("deliveries are kept no longer", changed=removed)
            except DatabaseUnavailable:
                _log.debug("cannot remove deliveries: the database is away")
