"""One Redis subscription for all watchers of a server process, and one slot per watcher.

A slot is bounded: milestones queue in order, and only the latest progress is kept. A possible loss (a gap, a
reconnect, too many waiting) only marks the slot stale, and its watcher reads Postgres.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import JobEvent
from render_service.progress.payload import decode_event
from render_service.progress.subscription import Message, Subscription, open_subscription
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import PROGRESS_MESSAGES_IGNORED

_log = get_logger(__name__)
_MAX_PENDING = 32
_RECONNECT_SECONDS = 0.5

ReadPresent = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, int]]]


class Slot:
    """The pending events of one watcher."""

    __slots__ = (
        "_is_ready",
        "_pending",
        "_progress",
        "_waiter",
        "beat",
        "channel",
        "closing",
        "job_id",
        "seen",
        "stale",
    )

    def __init__(self, channel: str, job_id: UUID | None) -> None:
        self.channel = channel
        self.job_id = job_id
        self.seen = 0
        """The last sequence that the watcher received; kept here for the hub's sweep."""
        self.stale = False
        self.beat = False
        self.closing = False
        # A list, since most slots are empty: an empty deque is ten times as large.
        self._pending: list[JobEvent] = []
        self._progress: dict[UUID, JobEvent] = {}
        # Not an asyncio.Event: a thousand watchers wait for each event, and its deque alone is larger than a slot.
        self._waiter: asyncio.Future[None] | None = None
        self._is_ready = False

    def offer(self, event: JobEvent) -> None:
        """Add an event; never blocks, never exceeds the bound."""
        if event.is_milestone:
            if len(self._pending) >= _MAX_PENDING:
                self._pending.clear()
                self.stale = True
            elif not self.stale:
                self._pending.append(event)
            # Progress from before the milestone has been overtaken by it.
            self._progress.pop(event.job_id, None)
        elif event.job_id in self._progress or len(self._progress) < _MAX_PENDING:
            self._progress[event.job_id] = event
        self._wake()

    def mark_stale(self) -> None:
        """Mark that events may have been missed."""
        self.stale = True
        self._wake()

    def mark_beat(self) -> None:
        """Mark that a heartbeat is due."""
        self.beat = True
        self._wake()

    def close(self) -> None:
        """Mark that the server is shutting down."""
        self.closing = True
        self._wake()

    async def wait(self) -> None:
        """Wait until there is something to do. Only one task may wait.

        Raises:
            DomainError: SHUTTING_DOWN.
        """
        if not self._is_ready:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._is_ready = False
        if self.closing:
            raise DomainError(
                ErrorReason.SHUTTING_DOWN,
                "the server is shutting down; resume from the last sequence",
                retry_after_seconds=0.5,
            )

    def take(self) -> list[JobEvent]:
        """Return the pending events in order of sequence, and clear them."""
        events = [*self._pending, *self._progress.values()]
        if len(events) > 1:
            events.sort(key=lambda event: event.sequence)
        self._pending.clear()
        self._progress.clear()
        return events

    def _wake(self) -> None:
        self._is_ready = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class ProgressHub:
    """Forwards published events to the slots of their watchers.

    Args:
        redis: A client without a read time-out.
        read_present: Returns the present sequence of many jobs; called periodically for all watched jobs at once.
        sweep_seconds: Interval of these calls.
        beat_seconds: How often every watcher receives a heartbeat.
    """

    def __init__(
        self, redis: "Redis", read_present: ReadPresent, *, sweep_seconds: float = 5.0, beat_seconds: float = 15.0
    ) -> None:
        self._redis = redis
        self._read_present = read_present
        self._sweep_seconds = sweep_seconds
        self._beat_seconds = beat_seconds
        self._slots: dict[str, set[Slot]] = {}
        self._listening = False
        self._any = asyncio.Event()
        self._changed: set[str] = set()
        self._any_changed = asyncio.Event()
        self._left = asyncio.Event()
        self._left.set()
        self._closing = False

    async def run(self) -> None:
        """Listen until cancelled; reconnect when Redis is unavailable."""
        async with asyncio.TaskGroup() as group:
            for part in (self._listen(), self._sweep(), self._beat()):
                group.create_task(part)

    @property
    def watchers(self) -> int:
        """How many slots there are."""
        return sum(len(slots) for slots in self._slots.values())

    @contextmanager
    def subscribe(self, channel: str, job_id: UUID | None = None) -> Iterator[Slot]:
        """Yield a slot that receives the events published on a channel from now on.

        Events published before Redis confirms the subscription are not lost: the confirmation marks the slot stale.

        Args:
            channel: The Redis channel.
            job_id: The job of the channel, if it has one; the sweep then checks the slot.
        """
        slot = Slot(channel, job_id)
        if self._closing:
            slot.close()
        slots = self._slots.get(channel)
        if slots is None:
            slots = self._slots[channel] = set()
            self._subscribe_by_slots(channel)
        slots.add(slot)
        self._any.set()
        self._left.clear()
        try:
            yield slot
        finally:
            slots.discard(slot)
            if not slots:
                del self._slots[channel]
                self._subscribe_by_slots(channel)
                if not self._slots:
                    self._left.set()

    def close(self) -> None:
        """End all watches with SHUTTING_DOWN."""
        self._closing = True
        for slots in self._slots.values():
            for slot in slots:
                slot.close()

    async def wait_until_left(self, seconds: float) -> None:
        """Wait until every watcher has left, for at most this many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._left.wait()

    def _subscribe_by_slots(self, channel: str) -> None:
        """Schedule the subscription or unsubscription of a channel, depending on its slots at that time."""
        self._changed.add(channel)
        self._any_changed.set()

    async def _listen(self) -> None:
        while True:
            await self._any.wait()
            try:
                await self._listen_once()
            except* (RedisError, OSError, TimeoutError) as errors:
                name = type(errors.exceptions[0]).__name__
                _log.warning("no progress subscription; reading Postgres until it is back", error=name)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        async with open_subscription(self._redis) as subscription:
            self._changed.clear()
            # One channel is always subscribed, so that the connection is never unused.
            await subscription.subscribe("task_updates:", *self._slots)
            self._listening = True
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._match(subscription))
                    group.create_task(subscription.keep_alive())
                    async for message in subscription.messages():
                        self._receive(message)
            finally:
                self._listening = False

    async def _match(self, subscription: Subscription) -> NoReturn:
        while True:
            await self._any_changed.wait()
            self._any_changed.clear()
            changed, self._changed = self._changed, set()
            if wanted := changed & self._slots.keys():
                await subscription.subscribe(*wanted)
            if unwanted := changed - self._slots.keys():
                await subscription.unsubscribe(*unwanted)

    def _receive(self, message: Message) -> None:
        slots = self._slots.get(message.channel)
        if not slots:
            return
        if message.kind == "subscribe":
            # Events published before it may be missing.
            for slot in slots:
                slot.mark_stale()
        elif message.kind == "message" and isinstance(message.data, bytes):
            try:
                event = decode_event(message.data)
            except ValueError:
                PROGRESS_MESSAGES_IGNORED.inc()
                _log.warning("ignored an invalid message on a progress channel", channel=message.channel)
                return
            for slot in slots:
                if slot.job_id in (None, event.job_id):
                    slot.offer(event)

    async def _sweep(self) -> None:
        while True:
            await self._any.wait()
            # While Redis is unavailable, watchers depend on this sweep alone.
            await asyncio.sleep(min(1.0, self._sweep_seconds) if not self._listening else self._sweep_seconds)
            watched = {slot.job_id for slots in self._slots.values() for slot in slots if slot.job_id is not None}
            if not self._slots:
                self._any.clear()
                continue
            try:
                present = await self._read_present(list(watched))
            except DomainError:
                continue  # Postgres is unavailable; watchers catch up when it is back.
            for slots in self._slots.values():
                for slot in slots:
                    # Greater: events were missed. Less: the watcher was sent one that is not in Postgres.
                    if slot.job_id is None or present.get(slot.job_id, 0) != slot.seen:
                        slot.mark_stale()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            for slots in self._slots.values():
                for slot in slots:
                    slot.mark_beat()
