"""One Redis subscription for all watchers of a server process, and one slot a watcher.

A slot is bounded: milestones wait in order, of progress only the latest counts. Whatever may have been missed (a gap, a
reconnect, too many waiting) only marks the slot stale, and its watcher reads Postgres.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.job import JobEvent
from render_service.progress.payload import decode_event
from render_service.telemetry import get_logger

_log = get_logger(__name__)
_MAX_PENDING = 32
_RECONNECT_SECONDS = 0.5

ReadPresent = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, int]]]


class Slot:
    """What waits for one watcher."""

    __slots__ = ("_pending", "_progress", "_ready", "beat", "channel", "closing", "job_id", "seen", "stale")

    def __init__(self, channel: str, job_id: UUID | None) -> None:
        self.channel = channel
        self.job_id = job_id
        self.seen = 0
        """The last sequence that the watcher was told; kept here for the hub's sweep."""
        self.stale = False
        self.beat = False
        self.closing = False
        # A list, since most slots are empty: an empty deque is ten times as large.
        self._pending: list[JobEvent] = []
        self._progress: dict[UUID, JobEvent] = {}
        self._ready = asyncio.Event()

    def offer(self, event: JobEvent) -> None:
        """Put an event in; never waits, never grows beyond its bound."""
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
        self._ready.set()

    def mark_stale(self) -> None:
        """Say that something may have been missed."""
        self.stale = True
        self._ready.set()

    def mark_beat(self) -> None:
        """Say that a sign of life is due."""
        self.beat = True
        self._ready.set()

    def close(self) -> None:
        """Say that the server shuts down."""
        self.closing = True
        self._ready.set()

    async def wait(self) -> None:
        """Wait until there is something to do.

        Raises:
            DomainError: SHUTTING_DOWN.
        """
        await self._ready.wait()
        self._ready.clear()
        if self.closing:
            raise DomainError(
                ErrorReason.SHUTTING_DOWN,
                "the server is shutting down; resume from the last sequence",
                retry_after_seconds=0.5,
            )

    def take(self) -> list[JobEvent]:
        """Return the events that wait, in order of sequence, and forget them."""
        events = sorted((*self._pending, *self._progress.values()), key=lambda event: event.sequence)
        self._pending.clear()
        self._progress.clear()
        return events


class ProgressHub:
    """Forwards published events to the slots of their watchers.

    Args:
        redis: A client without a read time-out.
        read_present: Returns the present sequence of many jobs; asked now and then for all watched jobs at once.
        sweep_seconds: How often that is.
        beat_seconds: How often every watcher gets a sign of life.
    """

    def __init__(
        self, redis: "Redis", read_present: ReadPresent, *, sweep_seconds: float = 5.0, beat_seconds: float = 15.0
    ) -> None:
        self._redis = redis
        self._read_present = read_present
        self._sweep_seconds = sweep_seconds
        self._beat_seconds = beat_seconds
        self._slots: dict[str, set[Slot]] = {}
        self._pubsub: PubSub | None = None
        self._any = asyncio.Event()
        self._subscribing = asyncio.Lock()
        self._left = asyncio.Event()
        self._left.set()
        self._closing = False

    async def run(self) -> None:
        """Listen until cancelled; Redis being away is waited for."""
        async with asyncio.TaskGroup() as group:
            for part in (self._listen(), self._sweep(), self._beat()):
                group.create_task(part)

    @property
    def watchers(self) -> int:
        """How many slots there are."""
        return sum(len(slots) for slots in self._slots.values())

    @asynccontextmanager
    async def subscribe(self, channel: str, job_id: UUID | None = None) -> AsyncIterator[Slot]:
        """Lend a slot that receives what is published on a channel from now on.

        Args:
            channel: The Redis channel.
            job_id: The job that the channel is of, where it is of one; the sweep then looks after the slot.
        """
        slot = Slot(channel, job_id)
        if self._closing:
            slot.close()
        known = channel in self._slots
        slots = self._slots.setdefault(channel, set())
        slots.add(slot)
        self._any.set()
        self._left.clear()
        try:
            # What is published before Redis has confirmed is not lost: the confirmation marks the slot stale.
            if not known:
                await self._match_subscription(channel)
            yield slot
        finally:
            slots.discard(slot)
            if not slots and self._slots.get(channel) is slots:
                del self._slots[channel]
                if not self._slots:
                    self._left.set()
                await self._match_subscription(channel)

    def close(self) -> None:
        """End all watches with SHUTTING_DOWN."""
        self._closing = True
        for slots in self._slots.values():
            for slot in slots:
                slot.close()

    async def wait_until_left(self, seconds: float) -> None:
        """Wait until every watcher has left, but at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._left.wait(), seconds)

    async def _match_subscription(self, channel: str) -> None:
        """Subscribe to or unsubscribe from a channel, as its slots demand by now.

        Without Redis nothing is done: the listener subscribes to every channel when it is back; the sweep serves until
        then.
        """
        async with self._subscribing:
            if self._pubsub is None:
                return
            with suppress(RedisError, OSError):
                if channel in self._slots:
                    await self._pubsub.subscribe(channel)
                else:
                    await self._pubsub.unsubscribe(channel)

    async def _listen(self) -> None:
        while True:
            try:
                await self._any.wait()
                await self._listen_once()
            except (RedisError, OSError, TimeoutError) as error:
                _log.warning("no progress subscription; reading Postgres until it is back", error=type(error).__name__)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        async with self._redis.pubsub() as pubsub:
            # One channel is always subscribed, so that the connection stays when the last watcher leaves.
            async with self._subscribing:
                await pubsub.subscribe("task_updates:", *self._slots)
                self._pubsub = pubsub
                if late := self._slots.keys() - {channel.decode() for channel in pubsub.channels}:
                    await pubsub.subscribe(*late)
            try:
                async for message in pubsub.listen():
                    self._receive(message)
            finally:
                self._pubsub = None

    def _receive(self, message: Mapping[str, object]) -> None:
        channel = message["channel"]
        name = channel.decode() if isinstance(channel, bytes) else str(channel)
        slots = self._slots.get(name)
        if not slots:
            return
        data = message["data"]
        if message["type"] == "subscribe":
            # Also after a silent reconnect: whatever was published before is missing.
            for slot in slots:
                slot.mark_stale()
        elif message["type"] == "message" and isinstance(data, bytes):
            try:
                event = decode_event(data)
            except ValueError:
                _log.warning("ignored a foreign message on a progress channel", channel=name)
                return
            for slot in slots:
                slot.offer(event)

    async def _sweep(self) -> None:
        while True:
            await self._any.wait()
            # While Redis is away this is all that watchers hear by.
            await asyncio.sleep(min(1.0, self._sweep_seconds) if self._pubsub is None else self._sweep_seconds)
            watched = {slot.job_id for slots in self._slots.values() for slot in slots if slot.job_id is not None}
            if not self._slots:
                self._any.clear()
                continue
            try:
                present = await self._read_present(list(watched))
            except DomainError:
                continue  # Postgres is away; its watchers are told as soon as it is back.
            for slots in self._slots.values():
                for slot in slots:
                    if slot.job_id is None or present.get(slot.job_id, 0) > slot.seen:
                        slot.mark_stale()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            for slots in self._slots.values():
                for slot in slots:
                    slot.mark_beat()
