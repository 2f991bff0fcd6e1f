"""Aggregates the progress of a job's clips into one fraction and one message."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum

from render_service.providers.generator import ReportProgress
from render_service.providers.provider_api import Phase, TaskReport

_SECONDS_BETWEEN = 0.5
# A job that waits for its provider is not stuck: it says so now and then, also when nothing changes.
_SECONDS_OF_SILENCE = 30.0
# Parts of a clip's work: ordered, made, copied.
_QUEUED, _MADE = 0.02, 0.95


class Line(Enum):
    """Where a clip is besides what its provider tells."""

    WAITING = "waiting for a place"
    ELSEWHERE = "made by another job"
    COPYING = "being stored"
    DONE = "done"


class ProgressAggregator:
    """Collects the progress of each clip.

    Args:
        shot_ids: The shots that a clip is made for.
    """

    def __init__(self, shot_ids: Sequence[str]) -> None:
        self._fractions = dict.fromkeys(shot_ids, 0.0)
        self._lines: dict[str, str] = dict.fromkeys(shot_ids, Line.WAITING.value)
        self._notes: dict[str, str] = {}
        self._news = asyncio.Event()

    def put(self, shot_id: str, line: Line) -> None:
        """Record the state of a clip."""
        fraction = {Line.DONE: 1.0, Line.COPYING: _MADE}.get(line, 0.0)
        self._set(shot_id, line.value, fraction, "")

    def hear(self, shot_id: str, report: TaskReport, elapsed: timedelta, usual: timedelta) -> None:
        """Record a provider's report on a clip.

        Args:
            shot_id: The clip's shot.
            report: What it tells.
            elapsed: How long the clip has been in work.
            usual: How long one usually takes; where no fraction is told, it is guessed from these two.
        """
        fraction = _QUEUED
        if report.phase is Phase.RUNNING:
            guessed = elapsed / (elapsed + usual) if elapsed else 0.0
            fraction = _QUEUED + (_MADE - _QUEUED) * (guessed if report.fraction is None else report.fraction)
        self._set(shot_id, report.phase.value, fraction, report.message)

    async def tell(self, report: ReportProgress) -> None:
        """Report whatever changes, until cancelled."""
        told: tuple[int, str] | None = None
        told_at = 0.0
        while True:
            self._news.clear()
            now = self.fraction, self.message
            if (round(now[0] * 1000), now[1]) != told or time.monotonic() - told_at >= _SECONDS_OF_SILENCE:
                await report(*now)
                told, told_at = (round(now[0] * 1000), now[1]), time.monotonic()
            await asyncio.sleep(_SECONDS_BETWEEN)
            try:
                async with asyncio.timeout(_SECONDS_OF_SILENCE):
                    await self._news.wait()
            except TimeoutError:
                continue

    @property
    def fraction(self) -> float:
        """Progress over all clips, 0–1."""
        return sum(self._fractions.values()) / max(1, len(self._fractions))

    @property
    def message(self) -> str:
        """What happens, in words: `Generating clips: 2 of 6 done, 3 running, 1 queued (place 4 in the queue)`."""
        counts: dict[str, int] = {}
        for line in self._lines.values():
            counts[line] = counts.get(line, 0) + 1
        done = counts.pop(Line.DONE.value, 0)
        parts = [f"{done} of {len(self._lines)} done", *(f"{count} {line}" for line, count in sorted(counts.items()))]
        notes = sorted({note for note in self._notes.values() if note})
        return f"Generating clips: {', '.join(parts)}" + (f" ({'; '.join(notes[:3])})" if notes else "")

    def _set(self, shot_id: str, line: str, fraction: float, note: str) -> None:
        self._lines[shot_id] = line
        self._notes[shot_id] = note
        self._fractions[shot_id] = max(self._fractions[shot_id], fraction)
        self._news.set()
