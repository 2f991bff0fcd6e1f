"""The stream of a workspace's events to one watcher: every milestone once, and the latest progress in between."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from render_service.db.jobs.workspace_events import EventPosition, WorkspaceEvents
from render_service.domain.jobs.job import JobEvent
from render_service.progress.hub import ProgressHub, Slot
from render_service.progress.payload import workspace_channel

_SETTLING_SECONDS = 0.05
_UNKNOWN = (-1, -1)
_REMEMBER_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class WorkspaceUpdate:
    """An event, or None for a heartbeat; and the stream's position after it."""

    event: JobEvent | None
    position: EventPosition


async def watch_workspace(
    hub: ProgressHub,
    events: WorkspaceEvents,
    workspace_id: str,
    start: EventPosition,
    labels: Mapping[str, str],
    *,
    include_progress: bool,
) -> AsyncGenerator[WorkspaceUpdate, None]:
    """Stream the events of a workspace until cancelled.

    Args:
        hub: Where events arrive; they only signal that there are events to read.
        events: The events in Postgres.
        workspace_id: Which workspace.
        start: Where to begin.
        labels: Only jobs that have all of these.
        include_progress: Whether to send progress between milestones.

    Raises:
        DomainError: SHUTTING_DOWN, or STORE_UNAVAILABLE.
    """
    with hub.subscribe(workspace_channel(workspace_id)) as slot:
        progress = _Progress(events, workspace_id, labels) if include_progress else None
        position = start
        yield WorkspaceUpdate(None, position)
        while True:
            batch = await events.read(workspace_id, position, labels)
            for event, place in batch.events:
                position = place
                if progress is not None:
                    progress.note(event)
                yield WorkspaceUpdate(event, position)
            position = batch.end
            if batch.more:
                continue
            if progress is not None:
                for event in await progress.news(slot, position):
                    yield WorkspaceUpdate(event, position)
            await _wait(slot, _SETTLING_SECONDS if batch.unsettled else None)
            slot.stale = False
            if slot.beat:
                slot.beat = False
                yield WorkspaceUpdate(None, position)


async def _wait(slot: Slot, seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await slot.wait()


class _Progress:
    """Selects the progress to send: only what lies between milestones that were sent, in order."""

    def __init__(self, events: WorkspaceEvents, workspace_id: str, labels: Mapping[str, str]) -> None:
        self._events = events
        self._workspace_id = workspace_id
        self._labels = labels
        self._sent: dict[UUID, tuple[int, int]] = {}

    def note(self, event: JobEvent) -> None:
        """Record a milestone that was sent."""
        if event.status.terminal:
            self._sent.pop(event.job_id, None)
            return
        if len(self._sent) >= _REMEMBER_AT_MOST:
            self._sent.clear()
        self._sent[event.job_id] = (event.milestone, event.sequence)

    async def news(self, slot: Slot, position: EventPosition) -> list[JobEvent]:
        """Return the pending progress that may be sent now."""
        waiting = [event for event in slot.take() if not event.is_milestone]
        unknown = [event.job_id for event in waiting if event.job_id not in self._sent]
        if unknown:
            found = await self._events.last_reported(self._workspace_id, position, self._labels, unknown)
            self._sent |= {job_id: found.get(job_id, _UNKNOWN) for job_id in unknown}
        news = []
        for event in waiting:
            milestone, sequence = self._sent[event.job_id]
            if event.milestone == milestone and event.sequence > sequence:
                self._sent[event.job_id] = (milestone, event.sequence)
                news.append(event)
        return news
