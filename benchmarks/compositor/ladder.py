"""The same work as three videos of one shape, 1080p, 720p and 480p, beside the largest alone; and as a stream."""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from benchmarks.compositor import ours, work
from render_service.compositor.compositor import ComposedVideo, Compositor
from render_service.compositor.media.assets import Media
from render_service.compositor.streaming.model import segment_starts
from render_service.compositor.tasks import package_track
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import Streaming

STREAMING = Streaming(hls=True, dash=True)
_LADDER = ((1920, 1080), (1280, 720), (854, 480))


def laddered(spec: RenderSpec, sizes: tuple[tuple[int, int], ...] = _LADDER) -> RenderSpec:
    """Return the work with a video of each size in pixels."""
    outputs = (
        ResolvedOutput(f"p{height}", replace(spec.output, width=width, height=height, streaming=STREAMING))
        for width, height in sizes
    )
    return replace(spec, outputs=tuple(outputs))


@dataclass(frozen=True, slots=True)
class Costs:
    """Wall and processor time of the ladder by those of its largest video alone.

    `stream` is the processor time of packaging by that of the ladder.
    """

    wall: float
    processor: float
    stream: float


async def cost(compositor: Compositor, spec: RenderSpec, media: Media, folder: Path, rounds: int) -> Costs:
    """Measure the largest alone and the ladder in turn, by the shortest times."""
    one, three = laddered(spec, _LADDER[:1]), laddered(spec)
    runs: dict[str, list[tuple[float, float]]] = {"one": [], "three": []}
    packaged = []
    for number in range(rounds):
        for name, of in (("one", one), ("three", three)):
            store = ours.FolderStore(folder / f"ladder-{name}-{number}")
            wall, processor, videos = await _run(compositor, of, media, folder, store)
            runs[name].append((wall, processor))
        packaged.append(_package(videos, folder))
    wall, processor = (
        min(run[kind] for run in runs["three"]) / min(run[kind] for run in runs["one"]) for kind in (0, 1)
    )
    return Costs(wall, processor, min(packaged) / min(processor for _, processor in runs["three"]))


def _package(videos: Sequence[ComposedVideo], folder: Path) -> float:
    """Package the media files of a stream again in this process; return its processor time in seconds."""
    begun = time.process_time()
    for video in videos:
        starts = segment_starts(Fraction(video.frames, video.fps), STREAMING.segment_seconds)
        package_track(video.path, None, starts, folder / "packaged.mp4")
    package_track(videos[0].path, 0, starts, folder / "packaged.mp4")
    return time.process_time() - begun


async def _run(
    compositor: Compositor, spec: RenderSpec, media: Media, folder: Path, store: ours.FolderStore
) -> tuple[float, float, Sequence[ComposedVideo]]:
    """Compose all videos once; return seconds of wall time, of all processes' processor time, and the videos."""

    async def ignore(_: float) -> None:
        pass

    workdir = Path(tempfile.mkdtemp(dir=folder))
    started, begun = time.perf_counter(), ours.cpu_seconds(compositor.pids)
    videos = await compositor.compose_all(spec, media, workdir=workdir, segments=store, on_progress=ignore)
    return time.perf_counter() - started, ours.cpu_seconds(compositor.pids) - begun, videos


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-ladder-") as name:
        folder = Path(name)
        compositor = Compositor(processes=os.cpu_count() or 1)
        await compositor.start()
        spec, media = work.storyboard(folder)
        costs = await cost(compositor, spec, media, folder, int(os.environ.get("ROUNDS", "3")))
        await compositor.close()
    print(
        f"three outputs of one shape: {costs.wall:.3f} of the largest alone,"
        f" {costs.processor:.3f} of its processor time"
    )
    print(f"packaged as HLS and DASH: {costs.stream:.2%} on top of the processor time")


if __name__ == "__main__":
    asyncio.run(_main())
