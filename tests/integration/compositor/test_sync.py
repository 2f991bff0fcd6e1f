"""Sound and picture of the finished video belong together: a flash and its beep are found in the same frame."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import Container, OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Transition, TransitionKind
from tests.integration.compositor.oracle import decoded_sound, ffmpeg, warnings_of_decoding, write_sound
from tests.integration.compositor.storyboards import timeline_of

RATE = 48_000
FLASH = 0.8


@pytest.fixture(scope="module")
def flashing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 1.6 s that is dark but for a white flash at 0.8 s, when it beeps."""
    folder = tmp_path_factory.mktemp("flash")
    beep = np.zeros((2, round(1.6 * RATE)), np.float32)
    at = np.arange(RATE // 20) / RATE
    start = round(FLASH * RATE)
    beep[:, start : start + len(at)] = 0.5 * np.sin(2 * np.pi * 1000 * at)
    sound = write_sound(folder / "beep.wav", beep)
    lit = f"between(t,{FLASH - 0.005},{FLASH + 0.05})"
    flash = f"color=0x404040:s=160x90:r=50:d=1.6,drawbox=color=white:t=fill:enable='{lit}'"
    path = folder / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", flash, "-i", sound, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-c:a", "aac", path)
    return path


@pytest.mark.parametrize(("fps", "container"), [(24, Container.MP4), (50, Container.WEBM)])
async def test_flash_and_beep_are_less_than_a_frame_apart(
    tmp_path: Path, flashing: Path, fps: int, container: Container
) -> None:
    fade = Transition(TransitionKind.CROSS_FADE, timedelta(seconds=0.3))
    shots = tuple(
        Shot(id=name, caption="", duration=timedelta(seconds=1.6), clip_uri="https://example.com/c", transition=fade)
        for name in ("one", "two", "three")
    )
    spec = RenderSpec(Project(shots=shots), OutputSpec(160, 90, fps, Quality.STANDARD, container))
    media = Media({shot.id: ShotMedia(clip=flashing) for shot in shots})
    compositor = Compositor(processes=2)
    await compositor.start()

    async def ignore(_: float) -> None:
        return

    try:
        video = await compositor.compose(spec, media, workdir=tmp_path, segments=None, on_progress=ignore)
    finally:
        await compositor.close()
    raw = ffmpeg("-i", video.path, "-f", "rawvideo", "-pix_fmt", "gray", "-fps_mode", "passthrough", "-")
    levels = np.frombuffer(raw, np.uint8).reshape(-1, 90 * 160).mean(axis=1)
    assert len(levels) == video.frames
    sound = np.abs(decoded_sound(video.path)[0])
    for shot in timeline_of(spec, media).shots:
        frames = range(shot.start, shot.end)
        flash = next(number for number in frames if levels[number] > 150) / fps
        heard = sound[shot.start * RATE // fps : shot.end * RATE // fps]
        beep = shot.start / fps + int(np.argmax(heard > 0.3 * heard.max())) / RATE
        assert abs(beep - flash) < 1 / fps
        assert abs(flash - shot.start / fps - FLASH) < 1 / fps
    assert warnings_of_decoding(video.path) == ""
