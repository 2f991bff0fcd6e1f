"""One frame is drawn without its video, and shows what the video shows."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from render_service.compositor.compositor import Compositor
from render_service.compositor.inspection import InspectionChoices
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FrameFacts, FramePosition, FrameRequest, ImageFormat
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import Quality
from render_service.domain.projects.project import CaptionOptions, Shot, Watermark
from tests.integration.compositor.oracle import ffmpeg
from tests.integration.compositor.storyboards import SMALL, composed, photo, photo_shots, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def draw(
    compositor: Compositor, spec: RenderSpec, media: Media, folder: Path, **wanted: object
) -> tuple[np.ndarray, FrameFacts]:
    """Draw a frame; return its colours and where it lies."""
    folder.mkdir()
    request = FrameRequest("films", spec, FramePosition(ImageFormat.PNG, **wanted))  # type: ignore[arg-type]
    inspected = await compositor.inspect(media, InspectionChoices.of(spec))
    facts = await compositor.draw_frame(request, inspected, folder, folder / "frame")
    with Image.open(folder / "frame") as image:
        assert (image.format, image.size) == ("PNG", (spec.output.width, spec.output.height))
        return np.asarray(image.convert("RGB"), np.float32), facts


async def test_frames_are_those_of_the_finished_video(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2, 2)
    clip = tmp_path / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-t", "2", "-pix_fmt", "yuv420p", clip)
    shots = (*shots, Shot("clip", clip_uri="given", caption="A clip"), Shot("card", caption="A card"))
    media = replace(
        media, shots={**media.shots, "clip": ShotMedia(clip=clip)}, watermark=photo(tmp_path / "mark.png", seed=9)
    )
    output = replace(SMALL, quality=Quality.HIGH)
    spec = spec_of(shots, output, watermark=Watermark("given"), captions=CaptionOptions(highlight_words=True))
    video = await composed(compositor, spec, media, tmp_path / "video")
    with av.open(str(video.path)) as container:
        frames = [frame.reformat(format="rgb24").to_ndarray().astype(np.float32) for frame in container.decode(video=0)]
    # Bodies, the middle and both ends of transitions, the clip, the card.
    for number in (0, 20, 45, 46, 52, 59, 60, 80, 100, 110, 130, len(frames) - 1):
        time = timedelta(seconds=number / SMALL.fps)
        drawn, facts = await draw(compositor, spec, media, tmp_path / f"{number}", time=time)
        assert (facts.number, facts.frames) == (number, len(frames))
        errors = [float(((drawn - frame) ** 2).mean()) for frame in frames]
        # Coding alone makes the difference, and no other frame is nearer.
        assert errors[number] < 60
        assert errors[number] <= min(errors) + 1


async def test_times_count_within_a_shot_and_default_to_its_middle(compositor: Compositor, tmp_path: Path) -> None:
    shots, media = photo_shots(tmp_path, 2, 2)
    spec = spec_of(shots)
    _, middle = await draw(compositor, spec, media, tmp_path / "a", shot_id="shot-1")
    _, first = await draw(compositor, spec, media, tmp_path / "b", shot_id="shot-1", time=timedelta(0))
    assert (middle.shot_id, middle.number - first.number) == ("shot-1", 30)
    assert first.number == 45  # its cross-fade begins half a second before the first shot ends


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"shot_id": "nowhere"}, "shot_id"),
        ({"shot_id": "shot-0", "time": timedelta(seconds=1)}, "time"),
        ({"time": timedelta(hours=1)}, "time"),
    ],
)
async def test_what_the_video_does_not_have_is_refused_by_name(
    compositor: Compositor, tmp_path: Path, wanted: dict[str, object], field: str
) -> None:
    shots, media = photo_shots(tmp_path, 1)
    with pytest.raises(RenderFailure) as caught:
        await draw(compositor, spec_of(shots), media, tmp_path / "frame", **wanted)
    assert (caught.value.reason, caught.value.metadata["field"]) == (ErrorReason.INVALID_FIELD, field)
