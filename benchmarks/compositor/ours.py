"""Runs the compositor and measures it."""

import asyncio
import os
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from render_service.compositor.compositor import ComposedVideo, Compositor
from render_service.compositor.media.assets import Media
from render_service.domain.jobs.job import RenderSpec


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of wall time, frames, and what was made."""

    seconds: float
    frames: int
    made: int
    reused: int
    video: Path


class FolderStore:
    """Segments in a folder on the same disk: what a local object store costs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    async def get(self, key: str, path: Path) -> bool:
        """See `SegmentStore`."""
        kept = self.folder / key
        if not kept.exists():
            return False
        await asyncio.to_thread(shutil.copyfile, kept, path)
        return True

    async def put(self, key: str, path: Path) -> None:
        """See `SegmentStore`."""
        await asyncio.to_thread(shutil.copyfile, path, self.folder / key)


async def _ignore(_: float) -> None:
    pass


async def measure(compositor: Compositor, spec: RenderSpec, media: Media, folder: Path, store: FolderStore) -> Measured:
    """Compose once; from the files on disk to the checked video, poster and contact sheet included."""
    workdir = Path(tempfile.mkdtemp(dir=folder))
    started = time.perf_counter()
    video: ComposedVideo = await compositor.compose(spec, media, workdir=workdir, segments=store, on_progress=_ignore)
    seconds = time.perf_counter() - started
    return Measured(seconds, video.frames, video.segments_made, video.segments_reused, video.path)


def with_other_caption(spec: RenderSpec) -> RenderSpec:
    """Return the same work with the caption of the middle shot changed."""
    shots = list(spec.project.shots)
    middle = len(shots) // 2
    shots[middle] = replace(shots[middle], caption="Something quite different is said here now.")
    return RenderSpec(replace(spec.project, shots=tuple(shots)), spec.output)


def cpu_seconds(pids: tuple[int, ...]) -> float:
    """Return how long processors have worked for this process and for these (utime and stime of proc(5))."""
    stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in (os.getpid(), *pids))
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pids: tuple[int, ...]) -> float:
    """Return the highest memory that any of these processes ever had, in MB (VmHWM of proc(5))."""
    statuses = (Path(f"/proc/{pid}/status").read_text().splitlines() for pid in (os.getpid(), *pids))
    peaks = (int(line.split()[1]) for status in statuses for line in status if line.startswith("VmHWM:"))
    return max(peaks) * 1024 / 1e6


async def long_run(spec: RenderSpec, media: Media, folder: Path, processes: int) -> tuple[Measured, float]:
    """Compose once with a fresh compositor; return also the peak memory of any of its processes in MB."""
    compositor = Compositor(processes=processes)
    await compositor.start()
    measured = await measure(compositor, spec, media, folder, FolderStore(folder / "long-store"))
    peak = peak_megabytes(compositor.pids)
    await compositor.close()
    return measured, peak
