"""The stream of one job's events to one watcher: ordered, unique, resumable, and complete to the terminal event."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import Job, JobEvent
from render_service.progress.hub import ProgressHub, Slot
from render_service.progress.payload import task_channel


class History(Protocol):
    """A job, its milestones after some sequence, and the least such sequence for which they are all kept.

    `present` is one event with the job's current state, the same for all watchers that share the history: what is made
    of an event is made once.
    """

    @property
    def job(self) -> Job: ...
    @property
    def events(self) -> tuple[JobEvent, ...]: ...
    @property
    def present(self) -> JobEvent: ...
    @property
    def oldest_after(self) -> int: ...


ReadHistory = Callable[[UUID, int], Awaitable[History | None]]


class Heartbeat:
    """A heartbeat: nothing has changed."""

    __slots__ = ("timestamp",)

    def __init__(self) -> None:
        self.timestamp = datetime.now(UTC)


class Follower:
    """Tracks which events one watcher has received, and returns the new ones."""

    __slots__ = ("_job_id", "_milestone", "_read", "_slot", "ended")

    def __init__(self, slot: Slot, job_id: UUID, read: ReadHistory) -> None:
        self._slot = slot
        self._job_id = job_id
        self._read = read
        self._milestone = 0
        self.ended = False

    async def begin(self, after_sequence: int | None) -> list[JobEvent]:
        """Return the first events: the present state, or what came after a sequence.

        Raises:
            DomainError: SEQUENCE_IN_FUTURE, CURSOR_PRUNED, or JOB_NOT_FOUND where the job was deleted.
        """
        found = await self._read(self._job_id, after_sequence if after_sequence is not None else 2**62)
        if found is None:
            raise _deleted(self._job_id)
        job = found.job
        if after_sequence is None:
            return self._accept([found.present])
        if after_sequence > job.sequence:
            raise DomainError(
                ErrorReason.SEQUENCE_IN_FUTURE,
                f"after_sequence {after_sequence} is beyond the job's present sequence {job.sequence}",
                {"after_sequence": str(after_sequence), "sequence": str(job.sequence)},
            )
        if after_sequence < found.oldest_after:
            raise DomainError(
                ErrorReason.CURSOR_PRUNED,
                f"the events after sequence {after_sequence} are no longer kept; {found.oldest_after} still works",
                {"oldest": str(found.oldest_after)},
            )
        self._slot.seen = after_sequence
        if job.status.terminal and after_sequence >= job.sequence:
            # The caller has seen the terminal event; it is sent again, so that every watch ends with one.
            return self._accept([found.present], again=True)
        return self._catch_up(found)

    async def more(self) -> list[JobEvent]:
        """Wait, and return what is new; empty if only a heartbeat is due.

        Raises:
            DomainError: SHUTTING_DOWN, STORE_UNAVAILABLE, or JOB_NOT_FOUND where the job was deleted meanwhile.
        """
        slot = self._slot
        while True:
            await slot.wait()
            events = slot.take()
            # Any client of Redis can publish there; only Postgres decides whether a job has ended.
            if slot.stale or self._has_gap(events) or any(event.status.terminal for event in events):
                slot.stale = False
                found = await self._read(self._job_id, slot.seen)
                if found is None:
                    raise _deleted(self._job_id)
                if found.job.sequence < slot.seen:
                    # Events are published after their commit, so the last one was forged. Resume from Postgres.
                    slot.seen = found.job.sequence - (1 if found.job.status.terminal else 0)
                    self._milestone = found.job.milestone
                new_events = self._catch_up(found)
            else:
                new_events = self._accept(events)
            beat, slot.beat = slot.beat, False
            if new_events or beat:
                return new_events

    def _has_gap(self, events: list[JobEvent]) -> bool:
        known = self._milestone
        for event in events:
            if event.sequence <= self._slot.seen:
                continue
            if event.milestone > known + (1 if event.is_milestone else 0):
                return True
            known = event.milestone
        return False

    def _catch_up(self, found: History) -> list[JobEvent]:
        return self._accept([*found.events, found.present])

    def _accept(self, events: list[JobEvent], *, again: bool = False) -> list[JobEvent]:
        new_events = []
        for event in events:
            if (event.sequence <= self._slot.seen and not again) or self.ended:
                continue
            self._slot.seen = event.sequence
            self._milestone = event.milestone
            self.ended = event.status.terminal
            new_events.append(event)
        return new_events


async def watch_job(
    hub: ProgressHub, read: ReadHistory, job_id: UUID, task_id: UUID, after_sequence: int | None
) -> AsyncGenerator[JobEvent | Heartbeat, None]:
    """Stream the events of a job until it ends.

    Args:
        hub: Where events arrive.
        read: Reads a job and its milestones after a sequence.
        job_id: The job; the caller's access is already checked.
        task_id: Names its channel.
        after_sequence: The last sequence the caller knows; None to begin with the present state.

    Yields:
        Events with strictly rising sequences, the terminal one last, and heartbeats between them.

    Raises:
        DomainError: as `Follower`.
    """
    # Subscribed before the first read, so that no event is missed between the two.
    with hub.subscribe(task_channel(task_id), job_id) as slot:
        follower = Follower(slot, job_id, read)
        for event in await follower.begin(after_sequence):
            yield event
        while not follower.ended:
            events = await follower.more()
            for event in events:
                yield event
            if not events:
                yield Heartbeat()


def _deleted(job_id: UUID) -> DomainError:
    return DomainError(ErrorReason.JOB_NOT_FOUND, "there is no such job in this workspace", {"job_id": str(job_id)})
