"""Legal requests of any size keep neither the event loop nor other renders waiting."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import CaptionOptions, Shot, WordTiming
from render_service.domain.projects.validation import LONGEST_VIDEO, MAX_CAPTION, MAX_SHOTS, MAX_WORDS
from render_service.runtime.loop_lag import STALL_SECONDS, LoopLagMonitor
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import composed, photo, photo_shots, spec_of

LARGEST = OutputSpec(3840, 3840, 60, Quality.HIGH)


@asynccontextmanager
async def watched_loop() -> AsyncIterator[LoopLagMonitor]:
    """Observe the event loop of the test."""
    monitor = LoopLagMonitor()
    task = asyncio.create_task(monitor.run())
    yield monitor
    await asyncio.sleep(0.1)
    task.cancel()


@pytest.fixture
async def compositor() -> AsyncIterator[Compositor]:
    made = Compositor(processes=2)
    await made.start()
    yield made
    await made.close()


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
    words = tuple(WordTiming(f"word{number}", number * step, (number + 1) * step) for number in range(150))
    assert len(words) <= MAX_WORDS
    caption = " ".join(word.text for word in words)[:MAX_CAPTION]
    shots = tuple(
        Shot(f"s{number}", "d" * 2000, "n" * 4000, caption, length, image_uri="given", words=words)
        for number in range(MAX_SHOTS)
    )
    spec = spec_of(shots, LARGEST, captions=CaptionOptions(highlight_words=True))
    return spec, Media({shot.id: ShotMedia(image=picture) for shot in shots})


def longest_sounds(folder: Path) -> tuple[RenderSpec, Media]:
    """A narration of half an hour, used by all shots."""
    voice = write_sound(folder / "hog.flac", np.zeros((1, 48_000 * 1800), np.float32))
    shots = tuple(Shot(f"s{number}", narration_audio_uri="given") for number in range(MAX_SHOTS))
    return spec_of(shots, LARGEST), Media({shot.id: ShotMedia(narration=voice) for shot in shots})


async def test_a_video_that_its_files_make_too_long_is_refused_by_name(compositor: Compositor, tmp_path: Path) -> None:
    clip = endless_clip(tmp_path / "clip.mp4", 3 * 3600)
    assert clip.stat().st_size < 4_000
    shots = tuple(Shot(f"s{number}", clip_uri="given") for number in range(MAX_SHOTS))
    media = Media({shot.id: ShotMedia(clip=clip) for shot in shots})
    started = time.monotonic()
    async with watched_loop() as monitor:
        with pytest.raises(RenderFailure, match="makes the video longer than 3 hours") as caught:
            await composed(compositor, spec_of(shots, LARGEST), media, tmp_path / "work")
    assert caught.value.reason is ErrorReason.ASSET_INVALID
    assert caught.value.metadata == {"shot_id": "s0", "field": "clip_uri", "fault": "too_long"}
    assert time.monotonic() - started < 10
    assert monitor.worst < STALL_SECONDS


@pytest.mark.parametrize("hog", [most_words, longest_sounds])
async def test_the_largest_requests_leave_the_loop_and_other_renders_alone(
    compositor: Compositor, tmp_path: Path, hog: Callable[[Path], tuple[RenderSpec, Media]]
) -> None:
    shots, media = photo_shots(tmp_path, 2)
    victim = spec_of(shots)
    names = itertools.count()

    async def timed() -> float:
        started = time.monotonic()
        await composed(compositor, victim, media, tmp_path / f"victim-{next(names)}")
        return time.monotonic() - started

    alone = min([await timed(), await timed()])
    spec, files = await asyncio.to_thread(hog, tmp_path)
    (tmp_path / "hog").mkdir()
    drawing = asyncio.Event()

    async def on_progress(_: float) -> None:
        drawing.set()

    async with watched_loop() as monitor:
        rendering = asyncio.create_task(
            compositor.compose(spec, files, workdir=tmp_path / "hog", segments=None, on_progress=on_progress)
        )
        await asyncio.sleep(0.5)
        while_planned = min([await timed(), await timed()])
        waiting = asyncio.create_task(drawing.wait())
        await asyncio.wait((waiting, rendering), return_when=asyncio.FIRST_COMPLETED, timeout=60)
        assert waiting.done() or rendering.done(), "planning takes too long"
        while_drawn = min([await timed(), await timed()])
        rendering.cancel()
        waiting.cancel()
        await asyncio.wait((rendering,))
    assert rendering.cancelled() or isinstance(rendering.exception(), RenderFailure)
    # Alone, the victim uses both processors.
    assert max(while_planned, while_drawn) < 2 * alone + 1
    assert monitor.worst < STALL_SECONDS
