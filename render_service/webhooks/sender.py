"""Sends due deliveries: many at a time, few to each receiver, so that slow and dead receivers delay no other."""

import asyncio
from collections import Counter, OrderedDict
from contextlib import suppress
from datetime import timedelta

from render_service.db.database import DatabaseUnavailable
from render_service.db.webhooks.webhook_outbox import Capacity, LeasedDelivery, Target, WebhookOutbox
from render_service.domain.webhooks.webhook import DeliveryState
from render_service.runtime.periodic import PeriodicTask
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.worker import WEBHOOK_TRIES
from render_service.webhooks.backoff import delay_after
from render_service.webhooks.delivery_attempt import DeliveryClient, Outcome

_log = get_logger(__name__)
_MAX_CONCURRENT = 96
_MAX_PER_WORKSPACE = 24
_MAX_PER_TARGET = 8
_MAX_OVERLOADED = 1_000


class WebhookSender:
    """Sends the deliveries of one worker process.

    A target that does not respond, or responds that it is overloaded, gets one delivery at a time until it accepts
    one again.

    Args:
        outbox: The due deliveries.
        client: Sends them.
        interval_seconds: The mean time between two polls of the outbox.
    """

    def __init__(self, outbox: WebhookOutbox, client: DeliveryClient, *, interval_seconds: float = 0.5) -> None:
        self._outbox = outbox
        self._client = client
        self._task = PeriodicTask("webhook sender", interval_seconds=interval_seconds)
        self._sending: dict[asyncio.Task[None], LeasedDelivery] = {}
        self._overloaded: OrderedDict[Target, None] = OrderedDict()

    def nudge(self) -> None:
        """Poll the outbox now: a delivery may have become due."""
        self._task.nudge()

    async def run(self) -> None:
        """Send until cancelled; unfinished deliveries then return to the outbox."""
        try:
            await self._task.run(self._send_due)
        finally:
            await self._hand_back()

    async def _send_due(self) -> None:
        capacity = self._capacity()
        if capacity.overall <= 0:
            return
        for delivery in await self._outbox.lease(capacity):
            task = asyncio.create_task(self._send(delivery))
            self._sending[task] = delivery
            task.add_done_callback(self._sent)

    def _capacity(self) -> Capacity:
        targets = Counter(delivery.target for delivery in self._sending.values())
        workspaces = Counter(delivery.target.workspace_id for delivery in self._sending.values())
        return Capacity(
            overall=_MAX_CONCURRENT - len(self._sending),
            workspace=_MAX_PER_WORKSPACE,
            target=_MAX_PER_TARGET,
            targets={
                target: (1 if target in self._overloaded else _MAX_PER_TARGET) - targets[target]
                for target in {*targets, *self._overloaded}
            },
            busy=workspaces,
        )

    def _sent(self, task: "asyncio.Task[None]") -> None:
        del self._sending[task]
        # There is capacity for another now, and the job's next delivery may be due.
        self._task.nudge()

    async def _send(self, delivery: LeasedDelivery) -> None:
        try:
            outcome = await self._client.deliver(delivery)
        except Exception:  # noqa: BLE001 - a failure of one must not stop the others
            _log.exception("delivery failed with an internal error", delivery_id=str(delivery.id))
            outcome = Outcome(error="internal error")
        self._note_load(delivery.target, outcome)
        state, delay = _judge(delivery, outcome)
        WEBHOOK_TRIES.labels(state).inc()
        try:
            await self._outbox.end_try(delivery, state, http_status=outcome.status, error=outcome.error, delay=delay)
        except DatabaseUnavailable:
            # Its lease expires, and it is sent again under the same id.
            _log.warning("delivery outcome not stored", delivery_id=str(delivery.id))
        if state is DeliveryState.FAILED:
            _log.warning(
                "delivery failed permanently",
                delivery_id=str(delivery.id),
                workspace_id=delivery.target.workspace_id,
                host=delivery.target.host,
                error=outcome.error,
            )

    def _note_load(self, target: Target, outcome: Outcome) -> None:
        self._overloaded.pop(target, None)
        if outcome.overloaded:
            self._overloaded[target] = None
            if len(self._overloaded) > _MAX_OVERLOADED:
                self._overloaded.popitem(last=False)

    async def _hand_back(self) -> None:
        unfinished = list(self._sending.values())
        for task in list(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if unfinished:
            with suppress(DatabaseUnavailable):
                await self._outbox.give_back(unfinished)


def _judge(delivery: LeasedDelivery, outcome: Outcome) -> tuple[DeliveryState, timedelta | None]:
    """Return a delivery's state after an attempt, and the delay before the next."""
    if outcome.accepted:
        return DeliveryState.DELIVERED, None
    delay = None if outcome.gone else delay_after(delivery.number, outcome.retry_after)
    return (DeliveryState.FAILED, None) if delay is None else (DeliveryState.PENDING, delay)
