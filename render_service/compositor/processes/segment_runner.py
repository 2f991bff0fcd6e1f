"""Renders segments in the worker processes of this machine."""

from collections.abc import Callable
from pathlib import Path

from render_service.compositor.drawing.segment import render_segment
from render_service.compositor.processes.pool import ProcessPool
from render_service.compositor.segments.spec import SegmentJob
from render_service.telemetry.metrics.worker import FRAMES_COMPOSED


class PoolRunner:
    """Makes segments in the processes of a pool on this machine."""

    stores = False

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool

    @property
    def width(self) -> int:
        """One more than there are processes, so that none waits for its next segment."""
        return self._pool.size + 1

    async def run(self, job: SegmentJob, workdir: Path, output: Path, report: Callable[[int], None]) -> None:
        """See `SegmentRunner`."""

        def counted(frames: int) -> None:
            FRAMES_COMPOSED.inc(frames)
            report(frames)

        await self._pool.run_reporting(render_segment, job.spec, dict(job.assets), workdir, output, on_report=counted)
