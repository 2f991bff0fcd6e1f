"""Renders segments in the worker processes of this machine."""

from collections.abc import Callable, Sequence
from pathlib import Path

from render_service.compositor.processes.limits import RENDERING
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.tasks import render_renditions
from render_service.telemetry.metrics.worker import FRAMES_COMPOSED


class PoolRunner:
    """Makes segments in a share of a process pool."""

    stores = False

    def __init__(self, share: Share) -> None:
        self._share = share

    @property
    def width(self) -> int:
        """See `SegmentRunner`."""
        return self._share.width

    async def run(self, job: SegmentJob, workdir: Path, output: Path, report: Callable[[int], None]) -> None:
        """See `SegmentRunner`."""
        await self.run_renditions([job], workdir, [output], report)

    async def run_renditions(
        self, jobs: Sequence[SegmentJob], workdir: Path, outputs: Sequence[Path], report: Callable[[int], None]
    ) -> None:
        """See `SegmentRunner`."""
        job = jobs[0]

        def counted(frames: int) -> None:
            FRAMES_COMPOSED.inc(frames)
            report(frames)

        # The watermark was decoded when it was probed: what fails is the shot's own file, if it has just one.
        shown = [asset for asset in job.assets.values() if asset.shot_id is not None] or list(job.assets.values())
        options = TaskOptions(RENDERING, shown[0] if len(shown) == 1 else None)
        specs = [one.spec for one in jobs]
        await self._share.run_with(
            options, render_renditions, specs, dict(job.assets), workdir, list(outputs), on_report=counted
        )
