"""Sends what is due: many at a time, few to each receiver, so that slow and dead ones harm nobody."""

import asyncio
import random
from collections import Counter, OrderedDict
from contextlib import suppress
from datetime import timedelta

from render_service.db.database import DatabaseUnavailable
from render_service.db.webhooks.webhook_outbox import Capacity, LeasedDelivery, Target, WebhookOutbox
from render_service.domain.webhooks.webhook import DeliveryState
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.worker import WEBHOOK_TRIES
from render_service.webhooks.backoff import delay_after
from render_service.webhooks.delivery_attempt import Outcome, Poster

_log = get_logger(__name__)
_OVERALL = 96
_OF_WORKSPACE = 24
_TO_TARGET = 8
_STRUGGLING_KNOWN = 1_000


class WebhookSender:
    """Sends the deliveries of one worker process.

    A target that does not answer, or says that it has too much to do, is sent one delivery at a time until it accepts
    one again.

    Args:
        outbox: What is due.
        poster: Sends.
        interval_seconds: The longest time between two looks at what is due.
    """

    def __init__(self, outbox: WebhookOutbox, poster: Poster, *, interval_seconds: float = 0.5) -> None:
        self._outbox = outbox
        self._poster = poster
        self._interval_seconds = interval_seconds
        self._nudge = asyncio.Event()
        self._sending: dict[asyncio.Task[None], LeasedDelivery] = {}
        self._struggling: OrderedDict[Target, None] = OrderedDict()

    def nudge(self) -> None:
        """Say that something may have become due."""
        self._nudge.set()

    async def run(self) -> None:
        """Send until cancelled; then what was not answered yet is left to others."""
        try:
            while True:
                # Spread out, so that many processes do not all look at once.
                seconds = self._interval_seconds * random.uniform(0.75, 1)  # noqa: S311 - keeps no secret
                with suppress(TimeoutError):
                    # Not wait_for, which until Python 3.12 loses a cancellation that comes together with a nudge.
                    async with asyncio.timeout(seconds):
                        await self._nudge.wait()
                self._nudge.clear()
                try:
                    await self._send_due()
                except DatabaseUnavailable:
                    _log.debug("no deliveries sent: the database is away")
        finally:
            await self._leave()

    async def _send_due(self) -> None:
        room = self._room()
        if room.overall <= 0:
            return
        for delivery in await self._outbox.lease(room):
            task = asyncio.create_task(self._send(delivery))
            self._sending[task] = delivery
            task.add_done_callback(self._sent)

    def _room(self) -> Capacity:
        targets = Counter(delivery.target for delivery in self._sending.values())
        workspaces = Counter(delivery.target.workspace_id for delivery in self._sending.values())
        return Capacity(
            overall=_OVERALL - len(self._sending),
            workspace=_OF_WORKSPACE,
            target=_TO_TARGET,
            targets={
                target: (1 if target in self._struggling else _TO_TARGET) - targets[target]
                for target in {*targets, *self._struggling}
            },
            busy=workspaces,
        )

    def _sent(self, task: "asyncio.Task[None]") -> None:
        del self._sending[task]
        # There is room for another now, and the next of the same job may have got its turn.
        self._nudge.set()

    async def _send(self, delivery: LeasedDelivery) -> None:
        try:
            outcome = await self._poster.post(delivery)
        except Exception:  # noqa: BLE001 - whatever goes wrong with one, the others are to be sent
            _log.exception("a delivery failed by a fault of the service", delivery_id=str(delivery.id))
            outcome = Outcome(error="an internal fault")
        self._remember(delivery.target, outcome)
        state, delay = _judge(delivery, outcome)
        WEBHOOK_TRIES.labels(state).inc()
        try:
            await self._outbox.end_try(delivery, state, http_status=outcome.status, error=outcome.error, delay=delay)
        except DatabaseUnavailable:
            # Its lease ends, and it is sent again under the same id.
            _log.warning("the outcome of a delivery could not be stored", delivery_id=str(delivery.id))
        if state is DeliveryState.FAILED:
            _log.warning(
                "a delivery was given up",
                delivery_id=str(delivery.id),
                workspace_id=delivery.target.workspace_id,
                host=delivery.target.host,
                error=outcome.error,
            )

    def _remember(self, target: Target, outcome: Outcome) -> None:
        self._struggling.pop(target, None)
        if outcome.struggling:
            self._struggling[target] = None
            if len(self._struggling) > _STRUGGLING_KNOWN:
                self._struggling.popitem(last=False)

    async def _leave(self) -> None:
        unanswered = list(self._sending.values())
        for task in list(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if unanswered:
            with suppress(DatabaseUnavailable):
                await self._outbox.give_back(unanswered)


def _judge(delivery: LeasedDelivery, outcome: Outcome) -> tuple[DeliveryState, timedelta | None]:
    """Return what a delivery is after a try, and when it is tried again."""
    if outcome.accepted:
        return DeliveryState.DELIVERED, None
    delay = None if outcome.gone else delay_after(delivery.number, outcome.retry_after)
    return (DeliveryState.FAILED, None) if delay is None else (DeliveryState.PENDING, delay)
