"""Legal requests of any size keep neither the event loop nor other renders waiting."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.shared_folder import Request
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Shot, WordTiming
from render_service.domain.projects.validation import LONGEST_VIDEO, MAX_CAPTION, MAX_SHOTS, MAX_WORDS
from render_service.runtime.loop_lag import STALL_SECONDS
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import composed, photo, photo_shots, spec_of

LARGEST = OutputSpec(3840, 3840, 60, Quality.HIGH)


class LoopWork:
    """Measures how long the code that runs on the event loop keeps other tasks from their turn.

    It counts processor time of the loop's thread: a machine that is busy with other things changes nothing.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        """Most processor time between two turns of one task, in seconds."""

    async def run(self) -> None:
        """Measure until cancelled."""
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.005)
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            last = now


@asynccontextmanager
async def watched_loop() -> AsyncIterator[LoopWork]:
    """Measure the event loop of the test."""
    work = LoopWork()
    task = asyncio.create_task(work.run())
    yield work
    await asyncio.sleep(0.01)
    task.cancel()


@pytest.fixture
async def compositor() -> AsyncIterator[Compositor]:
    """A compositor with one process, so that a test knows who uses it."""
    made = Compositor(processes=1)
    await made.start()
    yield made
    await made.close()


async def stop_processes_at_work(compositor: Compositor) -> None:
    """Stop all processes as they are, at a moment when each has a task."""
    while not (pids := compositor.pids) or compositor.busy < len(pids):
        await asyncio.sleep(0.001)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def composing(workdir: Path) -> bool:
    """Return whether the render of a folder is planned, and making its sound or its segments."""
    return any((workdir / "parts").glob("sound.pcm")) or any((workdir / "parts").glob("*.mkv.part"))


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def endless_clip(path: Path, seconds: int) -> Path:
    """Write a clip of some hours in two kilobytes: two pictures, far apart."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for at in (0, seconds * 25):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            frame.pts = at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def most_words(folder: Path) -> tuple[RenderSpec, Media]:
    """A project of three hours with as many shots, words and letters as the rules allow, at the largest size."""
    picture = photo(folder / "hog.png")
    length = LONGEST_VIDEO / MAX_SHOTS
    step = length / 150
    assert MAX_WORDS >= 150

    def shot(number: int) -> Shot:
        words = tuple(WordTiming(f"{number}word{word}", word * step, (word + 1) * step) for word in range(150))
        caption = " ".join(word.text for word in words)[:MAX_CAPTION]
        return Shot(f"s{number}", "d" * 2000, "n" * 4000, caption, length, image_uri="given", words=words)

    shots = tuple(map(shot, range(MAX_SHOTS)))
    spec = spec_of(shots, LARGEST, captions=CaptionOptions(highlight_words=True))
    return spec, Media({shot.id: ShotMedia(image=picture) for shot in shots})


def most_segments(folder: Path) -> tuple[RenderSpec, Media]:
    """A project of three hours of clips, in as many shots as the rules allow, whose segments are all different."""
    length = LONGEST_VIDEO / MAX_SHOTS
    clip = endless_clip(folder / "hog.mp4", round(length.total_seconds()))
    # The length of its shot is part of what a segment is.
    shots = [
        Shot(f"s{number}", clip_uri="given", duration=length - timedelta(seconds=number / 60))
        for number in range(MAX_SHOTS)
    ]
    return spec_of(shots, LARGEST), Media({shot.id: ShotMedia(clip=clip) for shot in shots})


def longest_sounds(folder: Path) -> tuple[RenderSpec, Media]:
    """A narration of half an hour, as often as the length of a video allows."""
    voice = write_sound(folder / "hog.flac", np.zeros((1, 48_000 * 1800), np.float32))
    shots = tuple(
        Shot(f"s{number}", visual_description=f"{number}", narration_audio_uri="given") for number in range(5)
    )
    return spec_of(shots, LARGEST), Media({shot.id: ShotMedia(narration=voice) for shot in shots})


async def test_a_video_that_its_files_make_too_long_is_refused_by_name(compositor: Compositor, tmp_path: Path) -> None:
    clip = endless_clip(tmp_path / "clip.mp4", 3 * 3600)
    assert clip.stat().st_size < 4_000
    shots = tuple(Shot(f"s{number}", clip_uri="given") for number in range(MAX_SHOTS))
    media = Media({shot.id: ShotMedia(clip=clip) for shot in shots})
    (pid,) = compositor.pids
    before = processor_seconds(pid)
    async with watched_loop() as work:
        with pytest.raises(RenderFailure, match="makes the video longer than 3 hours") as caught:
            await composed(compositor, spec_of(shots, LARGEST), media, tmp_path / "work")
    assert caught.value.reason is ErrorReason.ASSET_INVALID
    assert caught.value.metadata == {"shot_id": "s0", "field": "clip_uri", "fault": "too_long"}
    assert compositor.pids == (pid,)
    assert processor_seconds(pid) - before < 10
    assert work.longest < STALL_SECONDS


def test_the_largest_request_is_written_without_holding_up_other_threads(tmp_path: Path) -> None:
    spec, media = most_words(tmp_path)
    request = Request(spec, media, {}, {asset.path: "ab" * 32 for asset in media.assets()})
    request.write(tmp_path)
    before = time.thread_time()
    # Under the interpreter's lock, in a thread beside the event loop.
    request.write(tmp_path)
    assert time.thread_time() - before < STALL_SECONDS


@pytest.mark.parametrize(("hog", "planned"), [(longest_sounds, False), (most_words, False), (most_segments, True)])
async def test_the_largest_requests_leave_the_loop_and_other_renders_alone(
    compositor: Compositor, tmp_path: Path, hog: Callable[[Path], tuple[RenderSpec, Media]], planned: bool
) -> None:
    shots, media = photo_shots(tmp_path, 2)
    spec, files = await asyncio.to_thread(hog, tmp_path)
    (tmp_path / "hog").mkdir()

    async def ignore(_: float) -> None:
        return

    # The time-out ends a test that hangs; no machine is that slow.
    async with watched_loop() as work, asyncio.timeout(300):
        rendering = asyncio.create_task(
            compositor.compose(spec, files, workdir=tmp_path / "hog", segments=None, on_progress=ignore)
        )
        while planned and not composing(tmp_path / "hog"):
            assert not rendering.done(), rendering.result()
            await asyncio.sleep(0.001)
        # From here on the large request gets no further, as if every task of it took for ever.
        await stop_processes_at_work(compositor)
        await composed(compositor, spec_of(shots), media, tmp_path / "victim")
        assert not rendering.done()
        rendering.cancel()
        await asyncio.wait((rendering,))
    assert rendering.cancelled()
    assert work.longest < STALL_SECONDS, f"{work.longest:.3f} s of processor time without a turn for others"
