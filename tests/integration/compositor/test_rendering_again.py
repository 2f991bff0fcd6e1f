"""A render leaves nothing behind that another could notice: whatever runs before or beside it, its bytes stay."""

import asyncio
import hashlib
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Card, Music, Shot, Watermark, WordTiming
from tests.integration.compositor.oracle import ffmpeg, write_sound
from tests.integration.compositor.storyboards import FolderStore, composed, photo, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
Sample = tuple[RenderSpec, Media]
TINY = OutputSpec(192, 108, 25, Quality.STANDARD)


def still_and_dark_clips(folder: Path) -> Sample:
    """Clips that the check of the finished video compares with the files: one does not move, one begins black."""
    source = ("-f", "lavfi", "-i", "color=c=0x336699:s=160x90:r=25:d=2")
    coded = ("-pix_fmt", "yuv420p", "-c:v", "libx264")
    ffmpeg(*source, *coded, folder / "still.mp4")
    ffmpeg(*source, "-vf", "fade=in:0:40", *coded, folder / "dark.mp4")
    shots = tuple(Shot(name, caption="Hello", clip_uri="given") for name in ("still", "dark"))
    return spec_of(shots, TINY), Media({shot.id: ShotMedia(clip=folder / f"{shot.id}.mp4") for shot in shots})


def hdr_clip(folder: Path) -> Sample:
    """A clip whose colours go through a table that is a file while they are converted."""
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=1.2", "-c:v", "libx265", "-x265-params", "log-level=none"),
        *(
            "-pix_fmt",
            "yuv420p10le",
            "-color_primaries",
            "bt2020",
            "-color_trc",
            "smpte2084",
            "-colorspace",
            "bt2020nc",
        ),
        folder / "hdr.mp4",
    )
    return spec_of((Shot("hdr", clip_uri="given"),), TINY), Media({"hdr": ShotMedia(clip=folder / "hdr.mp4")})


def narrated_photos(folder: Path) -> Sample:
    """Photos with words, narration, music, a watermark and cards."""
    time = np.arange(48_000) / 48_000
    voice = write_sound(folder / "voice.wav", (0.2 * np.sin(2 * np.pi * 220 * time))[None].astype(np.float32))
    words = tuple(
        WordTiming(text, timedelta(seconds=0.3 * number), timedelta(seconds=0.3 * number + 0.25))
        for number, text in enumerate(("One", "two", "three"))
    )
    shots = tuple(
        Shot(f"p{number}", caption="One two three", image_uri="given", duration=timedelta(seconds=1.4), words=words)
        for number in range(2)
    )
    spec = spec_of(
        shots,
        TINY,
        title_card=Card("Harbour", duration=timedelta(seconds=1)),
        music=Music("given"),
        watermark=Watermark("given"),
    )
    files = {
        shot.id: ShotMedia(image=photo(folder / f"{shot.id}.png", seed=number), narration=voice)
        for number, shot in enumerate(shots)
    }
    return spec, Media(files, music=voice, watermark=photo(folder / "mark.png", seed=9, width=60, height=40))


SAMPLES: tuple[Callable[[Path], Sample], ...] = (still_and_dark_clips, hdr_clip, narrated_photos)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return [make(tmp_path_factory.mktemp(make.__name__)) for make in SAMPLES]


async def hash_of(video: Awaitable[object]) -> dict[str, str]:
    """Return the hashes of a finished render's files by name."""
    path: Path = (await video).path.parent  # type: ignore[attr-defined]

    def hashes() -> dict[str, str]:
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir() if file.is_file()}

    return await asyncio.to_thread(hashes)


@pytest.mark.parametrize(
    "stored",
    [pytest.param(False, id="all made anew", marks=pytest.mark.long), pytest.param(True, id="segments reused")],
)
async def test_every_order_gives_the_same_bytes(samples: list[Sample], tmp_path: Path, *, stored: bool) -> None:
    compositor = Compositor(processes=2)
    await compositor.start()
    store = FolderStore(tmp_path / "store") if stored else None
    (tmp_path / "store").mkdir()
    number = itertools.count()

    def render(index: int) -> Awaitable[dict[str, str]]:
        return hash_of(composed(compositor, *samples[index], tmp_path / f"work-{next(number)}", store))

    try:
        first = [await render(index) for index in range(len(samples))]
        for order in itertools.permutations(range(len(samples))):
            again = await asyncio.gather(*(render(index) for index in order))
            assert again == [first[index] for index in order]
    finally:
        await compositor.close()


async def test_a_render_leaves_no_files_behind(samples: list[Sample], tmp_path: Path) -> None:
    # The processes read no files outside this folder, so it holds the samples, too.
    scratch = tmp_path.parent

    def files() -> set[Path]:
        return {file for file in scratch.rglob("*") if file.is_file() and not file.is_relative_to(tmp_path / "work")}

    before, entries = files(), set(scratch.iterdir())
    compositor = Compositor(processes=1, folder=scratch)
    await compositor.start()
    try:
        await composed(compositor, *samples[1], tmp_path / "work")
        assert files() == before
    finally:
        await compositor.close()
    assert set(scratch.iterdir()) == entries
