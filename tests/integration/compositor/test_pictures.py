"""What is seen in a composed video: captions, cards, clips, watermarks, fits, and long shots in slices."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import (
    Corner,
    Fit,
    Motion,
    MotionKind,
    Shot,
    Transition,
    TransitionKind,
    Watermark,
)
from tests.integration.compositor.storyboards import FolderStore, composed, photo, photo_shots, plain, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

_STILL = Motion(MotionKind.NONE)
_CUT = Transition(TransitionKind.CUT)


def _pictures(path: Path) -> list[NDArray[np.uint8]]:
    """Decode a whole video to RGB."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


async def _clip(path: Path, source: str, *options: str) -> Path:
    process = await asyncio.create_subprocess_exec(
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", source, *options, str(path))
    )
    assert await process.wait() == 0
    return path


async def test_a_shot_shows_its_picture_under_its_caption(compositor: Compositor, tmp_path: Path) -> None:
    shot = Shot("one", caption="字幕 Caption", duration=timedelta(seconds=1), image_uri="given", motion=_STILL)
    media = Media({"one": ShotMedia(image=plain(tmp_path / "red.png", (200, 30, 30)))})
    video = await composed(compositor, spec_of([shot]), media, tmp_path / "work")
    frame = _pictures(video.path)[15].astype(int)
    np.testing.assert_allclose(frame[40, 160], (200, 30, 30), atol=4)
    foot = frame[140:175]
    assert (foot.min(axis=2) > 200).sum() > 60  # white letters
    assert (foot.max(axis=2) < 60).sum() > 60  # with a dark outline


async def test_cuts_fall_on_their_frame(compositor: Compositor, tmp_path: Path) -> None:
    colours = [(200, 30, 30), (30, 160, 30), (30, 30, 200)]
    shots, media = [], {}
    for number, colour in enumerate(colours):
        shot = Shot(
            f"s{number}", caption="", duration=timedelta(seconds=0.5), image_uri="x", motion=_STILL, transition=_CUT
        )
        shots.append(shot)
        media[shot.id] = ShotMedia(image=plain(tmp_path / f"{number}.png", colour))
    video = await composed(compositor, spec_of(shots), Media(media), tmp_path / "work")
    frames = _pictures(video.path)
    assert len(frames) == 45
    for number, frame in enumerate(frames):
        np.testing.assert_allclose(frame[90, 160].astype(int), colours[number // 15], atol=5)


async def test_a_clip_plays_at_the_videos_rate_and_keeps_its_last_frame(compositor: Compositor, tmp_path: Path) -> None:
    # White from the beginning of its second half on.
    clip = await _clip(
        tmp_path / "clip.mp4",
        "color=c=black:s=320x180:r=25:d=2,drawbox=c=white:t=fill:enable='gte(t,1)'",
        *("-c:v", "libx264", "-pix_fmt", "yuv420p"),
    )
    shot = Shot("clip", caption="", duration=timedelta(seconds=3), clip_uri="given")
    video = await composed(compositor, spec_of([shot]), Media({"clip": ShotMedia(clip=clip)}), tmp_path / "work")
    levels = [int(frame[90, 160].mean()) for frame in _pictures(video.path)]
    assert len(levels) == 90
    assert max(levels[:29]) < 30
    assert min(levels[31:]) > 225


async def test_a_clip_without_a_duration_is_shown_whole_and_joins_with_stills(
    compositor: Compositor, tmp_path: Path
) -> None:
    clip = await _clip(
        tmp_path / "clip.mp4", "testsrc2=s=320x180:r=30:d=2", *("-c:v", "libx264", "-pix_fmt", "yuv420p")
    )
    shots, media = photo_shots(tmp_path, 1)
    both = (*shots, Shot("clip", caption="", clip_uri="given"))
    video = await composed(
        compositor, spec_of(both), Media({**media.shots, "clip": ShotMedia(clip=clip)}), tmp_path / "work"
    )
    assert video.frames == 30 + 60 - 15


async def test_a_watermark_stands_in_its_corner_of_every_frame(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2)
    grey = plain(tmp_path / "grey.png", (90, 90, 90))
    media = Media({shot.id: ShotMedia(image=grey) for shot in shots}, watermark=plain(tmp_path / "w.png", (255,) * 3))
    mark = Watermark("given", Corner.BOTTOM_LEFT, 1.0, 0.1)
    bare = tuple(replace(shot, caption="", motion=_STILL) for shot in shots)
    video = await composed(compositor, spec_of(bare, watermark=mark), media, tmp_path / "work")
    for frame in _pictures(video.path):
        assert frame[165, 16].min() > 240
        assert frame[15, 300].max() < 100


@pytest.mark.parametrize(
    ("fit", "side"), [(Fit.COVER, lambda level: level > 240), (Fit.CONTAIN, lambda level: level < 8)]
)
async def test_a_tall_picture_fits_as_asked(
    compositor: Compositor, tmp_path: Path, fit: Fit, side: Callable[[int], bool]
) -> None:
    shot = Shot("tall", caption="", duration=timedelta(seconds=0.5), image_uri="given", motion=_STILL, fit=fit)
    media = Media({"tall": ShotMedia(image=plain(tmp_path / "tall.png", (255, 255, 255), 100, 400))})
    video = await composed(compositor, spec_of([shot]), media, tmp_path / "work")
    frame = _pictures(video.path)[7]
    assert int(frame[90, 160].min()) > 240
    assert side(int(frame[90, 20].mean()))


async def test_a_long_shot_is_made_in_slices_that_cannot_be_seen(
    compositor: Compositor, tmp_path: Path, store: FolderStore
) -> None:
    shot = Shot("long", caption="", duration=timedelta(seconds=22), image_uri="given")
    media = Media({"long": ShotMedia(image=photo(tmp_path / "soft.png", detail=0))})
    video = await composed(compositor, spec_of([shot]), media, tmp_path / "work", store)
    assert video.segments_made == 2
    frames = [frame.mean(axis=2) for frame in _pictures(video.path)[300:360]]
    steps = [float(np.abs(after - before).mean()) for before, after in pairwise(frames)]
    # The second slice begins with frame 330; a change of less than two levels of 255 cannot be seen.
    assert max(steps) < 2


@pytest.mark.parametrize("size", [(128, 128), (130, 250), (426, 240), (202, 360)])
@pytest.mark.parametrize("fps", [24, 60])
async def test_any_even_size_and_frame_rate(
    compositor: Compositor, tmp_path: Path, size: tuple[int, int], fps: int
) -> None:
    shots, media = photo_shots(tmp_path, 2, 0.5)
    video = await composed(compositor, spec_of(shots, OutputSpec(*size, fps, Quality.DRAFT)), media, tmp_path / "work")
    with av.open(str(video.path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == size
        assert stream.average_rate == fps


async def test_the_same_shot_twice_is_rendered_once(compositor: Compositor, tmp_path: Path, store: FolderStore) -> None:
    shot = Shot("one", caption="", duration=timedelta(seconds=1), image_uri="given", transition=_CUT)
    image = plain(tmp_path / "a.png", (10, 120, 200))
    media = Media({"one": ShotMedia(image=image), "two": ShotMedia(image=image)})
    video = await composed(compositor, spec_of([shot, replace(shot, id="two")]), media, tmp_path / "work", store)
    assert video.segments_made == 2
    assert len([path for path in store.folder.iterdir() if path.stat().st_size > 400]) == 2  # one segment, one sound


async def test_cancelling_kills_what_works_and_leaves_nothing(tmp_path: Path) -> None:
    compositor = Compositor(processes=2)
    await compositor.start()
    before = set(compositor.pids)
    shots, media = photo_shots(tmp_path, 4, 20)
    begun = asyncio.Event()
    (tmp_path / "work").mkdir()

    async def report(_: float) -> None:
        begun.set()

    spec = spec_of(shots, OutputSpec(1280, 720, 60, Quality.HIGH))
    task = asyncio.create_task(
        compositor.compose(spec, media, workdir=tmp_path / "work", segments=None, on_progress=report)
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list((tmp_path / "work").iterdir()) == []
    # The processes that worked for it are gone.
    assert not before & set(compositor.pids)
    # Others can go on at once.
    short, few = photo_shots(tmp_path, 1, 0.5)
    await composed(compositor, spec_of(short), few, tmp_path / "next")
    await compositor.close()


async def test_a_killed_process_does_not_fail_the_render(tmp_path: Path) -> None:
    compositor = Compositor(processes=2)
    await compositor.start()
    shots, media = photo_shots(tmp_path, 3, 4)
    (tmp_path / "work").mkdir()
    killed = False

    async def report(part: float) -> None:
        nonlocal killed
        if not killed and part > 0.1:
            killed = True
            os.kill(compositor.pids[0], signal.SIGKILL)

    video = await compositor.compose(
        spec_of(shots), media, workdir=tmp_path / "work", segments=None, on_progress=report
    )
    assert killed
    assert video.check["frames"] == 3 * 120 - 30
    await compositor.close()
