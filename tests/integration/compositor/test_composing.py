"""The whole compositor: from a storyboard to a checked file."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.verification.video import check_video
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.output import Container, VideoCodec
from render_service.domain.projects.project import BadAssetPolicy, Card, Shot, Transition, TransitionKind
from render_service.domain.warning import WarningCode
from tests.integration.compositor.oracle import write_sound
from tests.integration.compositor.storyboards import FolderStore, composed, photo_shots, small, spec_of, timeline_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _oracle_complaints(path: Path) -> str:
    """Decode a whole file with another build of FFmpeg and return its warnings."""
    process = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(),
        *(
            "-hide_banner",
            "-v",
            "warning",
            "-xerror",
            "-i",
            str(path),
            "-map",
            "0:v",
            "-map",
            "0:a?",
            "-f",
            "null",
            "-",
        ),
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaints = await process.communicate()
    return complaints.decode() + ("" if process.returncode == 0 else f"exit {process.returncode}")


async def test_a_storyboard_becomes_a_video_of_exactly_its_length(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 3)
    video = await composed(compositor, spec_of(shots), media, tmp_path / "work")
    # Three shots of 30 frames with two cross-fades of 15.
    assert video.frames == 60
    with av.open(str(video.path)) as container:
        pictures = [frame.time for frame in container.decode(video=0)]
        assert len(pictures) == 60
        assert pictures[0] == 0
        assert container.streams.video[0].codec_context.profile == "High"
    assert video.check["frames"] == 60
    assert await _oracle_complaints(video.path) == ""


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        (container, codec)
        for container in Container
        for codec in container.codecs or (None,)
        if container is not Container.WEBP and (container, codec) != (Container.MP4, VideoCodec.H264)
    ],
)
async def test_other_file_formats_and_codecs_are_whole_as_well(
    compositor: Compositor, tmp_path: Path, container: Container, codec: VideoCodec | None
) -> None:
    shots, media = photo_shots(tmp_path, 2)
    video = await composed(compositor, spec_of(shots, small(container, codec)), media, tmp_path / "work")
    assert video.frames == 45
    with av.open(str(video.path)) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 45
    assert await _oracle_complaints(video.path) == ""


async def test_an_animated_webp_shows_every_picture_in_its_time(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2)
    video = await composed(compositor, spec_of(shots, small(Container.WEBP)), media, tmp_path / "work")
    with Image.open(video.path) as animation:
        assert (animation.n_frames, animation.size, animation.info["loop"]) == (45, (320, 180), 0)  # type: ignore[attr-defined]
        first = np.asarray(animation.convert("RGB"), np.float32)
        animation.seek(44)
        last = np.asarray(animation.convert("RGB"), np.float32)
    assert np.abs(first - last).mean() > 5
    assert (video.check["frames"], video.check["shots_looked_at"]) == (45, 2)
    content = video.path.read_bytes()
    video.path.write_bytes(content[: len(content) // 2])
    spec = spec_of(shots, small(Container.WEBP))
    with pytest.raises(RenderFailure, match="duration"):
        check_video(video.path, timeline_of(spec, media), spec, media)


async def test_only_results_remain_in_the_work_folder(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2)
    video = await composed(compositor, spec_of(shots), media, tmp_path / "work")
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == [
        "captions.srt",
        "captions.vtt",
        "contact-sheet.jpg",
        "poster.jpg",
        "video.mp4",
        "words.json",
    ]
    assert video.poster.read_bytes()[:2] == b"\xff\xd8"


async def test_players_see_one_chapter_a_shot(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 3)
    video = await composed(compositor, spec_of(shots, title="Three"), media, tmp_path / "work")
    with av.open(str(video.path)) as container:
        chapters = container.chapters()
        assert [chapter["metadata"]["title"] for chapter in chapters] == ["Caption 0", "Caption 1", "Caption 2"]
        assert container.metadata["title"] == "Three"


async def test_nothing_is_rendered_again_when_nothing_changed(
    compositor: Compositor, tmp_path: Path, store: FolderStore
) -> None:
    shots, media = photo_shots(tmp_path, 3, 1.5)
    first = await composed(compositor, spec_of(shots), media, tmp_path / "first", store)
    again = await composed(compositor, spec_of(shots), media, tmp_path / "again", store)
    assert (first.segments_made, first.segments_reused) == (5, 0)
    assert (again.segments_made, again.segments_reused) == (0, 5)
    assert again.path.read_bytes() == first.path.read_bytes()


async def test_editing_one_caption_renders_only_what_it_touches(
    compositor: Compositor, tmp_path: Path, store: FolderStore
) -> None:
    shots, media = photo_shots(tmp_path, 5, 1.5)
    await composed(compositor, spec_of(shots), media, tmp_path / "first", store)
    edited = (*shots[:2], replace(shots[2], caption="Something else"), *shots[3:])
    video = await composed(compositor, spec_of(edited), media, tmp_path / "again", store)
    # Its body and the transitions on both sides, of five bodies and four transitions.
    assert (video.segments_made, video.segments_reused) == (3, 6)


async def test_inserting_a_shot_leaves_later_segments_as_they_are(
    compositor: Compositor, tmp_path: Path, store: FolderStore
) -> None:
    shots, media = photo_shots(tmp_path, 3, 1.5)
    await composed(compositor, spec_of(shots), media, tmp_path / "first", store)
    inserted = (Shot("new", visual_description="A new one", caption="", duration=timedelta(seconds=1)), *shots)
    video = await composed(compositor, spec_of(inserted), media, tmp_path / "again", store)
    # New: its body, the way into the old first shot, and that shot's body, which now begins later.
    assert video.segments_made == 3


async def test_two_compositors_make_the_same_bytes(tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2)
    hashes = set()
    for number in range(2):
        compositor = Compositor(processes=1 + number)
        await compositor.start()
        video = await composed(compositor, spec_of(shots), media, tmp_path / f"work-{number}")
        await compositor.close()
        hashes.add(hashlib.sha256(video.path.read_bytes()).hexdigest())
    assert len(hashes) == 1


async def test_cuts_title_and_end_cards_take_their_place(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2)
    hard = tuple(replace(shot, transition=Transition(TransitionKind.CUT)) for shot in shots)
    spec = spec_of(
        hard,
        title_card=Card("Harbour", "A morning", timedelta(seconds=1)),
        end_card=Card("End", duration=timedelta(seconds=1)),
    )
    video = await composed(compositor, spec, media, tmp_path / "work")
    assert [shot.shot_id for shot in timeline_of(spec, media).shots] == ["@title", "shot-0", "shot-1", "@end"]
    assert video.frames == 4 * 30 - 15


async def test_a_damaged_picture_fails_before_rendering_and_names_its_shot(
    compositor: Compositor, tmp_path: Path
) -> None:
    shots, media = photo_shots(tmp_path, 2)
    bad = tmp_path / "bad.png"
    bad.write_bytes((tmp_path / "1.png").read_bytes()[:2000])
    media = Media({**media.shots, "shot-1": ShotMedia(image=bad)})
    with pytest.raises(RenderFailure) as failure:
        await composed(compositor, spec_of(shots), media, tmp_path / "work")
    assert failure.value.reason is ErrorReason.ASSET_INVALID
    assert failure.value.metadata["shot_id"] == "shot-1"


async def test_a_card_stands_in_for_a_damaged_picture_where_the_project_wants_it(
    compositor: Compositor, tmp_path: Path
) -> None:
    shots, media = photo_shots(tmp_path, 2)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    media = Media({**media.shots, "shot-1": ShotMedia(image=bad)})
    spec = spec_of(shots, bad_asset_policy=BadAssetPolicy.CARD)
    video = await composed(compositor, spec, media, tmp_path / "work")
    assert video.warnings[0].shot_id == "shot-1"


async def test_progress_rises_to_the_end(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2)
    reported: list[float] = []

    async def report(part: float) -> None:
        reported.append(part)

    (tmp_path / "work").mkdir()
    await compositor.compose(spec_of(shots), media, workdir=tmp_path / "work", segments=None, on_progress=report)
    assert reported == sorted(reported)
    assert reported[-1] == 1.0
    assert len(reported) >= 4


async def test_a_sound_that_stays_too_quiet_is_warned_about_by_name(compositor: Compositor, tmp_path: Path) -> None:
    hiss = 0.0006 * np.random.default_rng(1).standard_normal((1, 48_000))
    voice = write_sound(tmp_path / "hiss.wav", hiss.astype(np.float32), 48_000, "-c:a", "pcm_f32le")
    shot = Shot("opening", caption="", duration=timedelta(seconds=1))
    video = await composed(
        compositor, spec_of((shot,)), Media({"opening": ShotMedia(narration=voice)}), tmp_path / "work"
    )
    (warning,) = video.warnings
    assert (warning.code, warning.shot_id, warning.field) == (
        WarningCode.SOUND_TOO_QUIET,
        "opening",
        "narration_audio_uri",
    )
    assert warning.message.startswith("opening.narration_audio_uri: the sound stays quiet")
