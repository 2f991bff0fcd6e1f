"""The same work as three videos of one shape, 1080p, 720p and 480p, beside the largest of them alone."""

import asyncio
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.compositor import ours, work
from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.delivery.outputs import ResolvedOutput

_LADDER = ((1920, 1080), (1280, 720), (854, 480))


def laddered(spec: RenderSpec, sizes: tuple[tuple[int, int], ...] = _LADDER) -> RenderSpec:
    """Return the work with a video of each size in pixels."""
    outputs = (
        ResolvedOutput(f"p{height}", replace(spec.output, width=width, height=height)) for width, height in sizes
    )
    return replace(spec, outputs=tuple(outputs))


async def cost(
    compositor: Compositor, spec: RenderSpec, media: Media, folder: Path, rounds: int
) -> tuple[float, float]:
    """Measure the largest alone and the ladder in turn; return the ratio of the shortest wall and processor times."""
    one, three = laddered(spec, _LADDER[:1]), laddered(spec)
    runs: dict[str, list[tuple[float, float]]] = {"one": [], "three": []}
    for number in range(rounds):
        for name, of in (("one", one), ("three", three)):
            store = ours.FolderStore(folder / f"ladder-{name}-{number}")
            runs[name].append(await _run(compositor, of, media, folder, store))
    wall, work_done = (
        min(run[kind] for run in runs["three"]) / min(run[kind] for run in runs["one"]) for kind in (0, 1)
    )
    return wall, work_done


async def _run(
    compositor: Compositor, spec: RenderSpec, media: Media, folder: Path, store: ours.FolderStore
) -> tuple[float, float]:
    """Compose all videos once; return seconds of wall time, and of all processes' processor time."""

    async def ignore(_: float) -> None:
        pass

    workdir = Path(tempfile.mkdtemp(dir=folder))
    started, begun = time.perf_counter(), ours.cpu_seconds(compositor.pids)
    await compositor.compose_all(spec, media, workdir=workdir, segments=store, on_progress=ignore)
    return time.perf_counter() - started, ours.cpu_seconds(compositor.pids) - begun


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-ladder-") as name:
        folder = Path(name)
        compositor = Compositor(processes=os.cpu_count() or 1)
        await compositor.start()
        spec, media = work.storyboard(folder)
        wall, processor = await cost(compositor, spec, media, folder, int(os.environ.get("ROUNDS", "3")))
        await compositor.close()
    print(f"three outputs of one shape: {wall:.3f} of the largest alone, {processor:.3f} of its processor time")


if __name__ == "__main__":
    asyncio.run(_main())
