"""Renders segments in the worker processes of this machine."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from render_service.compositor.encoding.memory import encoded_together
from render_service.compositor.processes.limits import RENDERING
from render_service.compositor.processes.pool import Share, TaskOptions
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.tasks import render_renditions
from render_service.domain.errors import RenderFailure
from render_service.telemetry.metrics.worker import FRAMES_COMPOSED

_log = logging.getLogger(__name__)


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
        await self._run([job], workdir, [output], report)

    async def run_renditions(
        self, jobs: Sequence[SegmentJob], workdir: Path, outputs: Sequence[Path], report: Callable[[int], None]
    ) -> None:
        """See `SegmentRunner`. As many are encoded by one task as its memory surely holds; each task draws the frames.

        What fails together, above all for lack of memory or time, is made one by one: only what a single segment does
        is a fault of its file or of the machine.
        """
        groups = encoded_together([one.spec for one in jobs]) if len(jobs) > 1 else [[0]]
        drawn = 0

        def counted(frames: int) -> None:
            # The caller counts each frame once, however many tasks draw it.
            nonlocal drawn
            before, drawn = drawn, drawn + frames
            report(drawn // len(groups) - before // len(groups))

        async def make(places: Sequence[int]) -> None:
            await self._run([jobs[place] for place in places], workdir, [outputs[place] for place in places], counted)

        for group in groups:
            try:
                await make(group)
            except RenderFailure as failure:
                if len(group) == 1:
                    raise
                _log.warning("%d renditions of a segment failed together (%s): one by one", len(group), failure.message)
                for place in group:
                    await make([place])

    async def _run(
        self, jobs: Sequence[SegmentJob], workdir: Path, outputs: Sequence[Path], report: Callable[[int], None]
    ) -> None:
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
