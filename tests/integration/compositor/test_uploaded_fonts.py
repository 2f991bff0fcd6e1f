"""Worker processes draw layers and captions with pinned fonts."""

import hashlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.compositor import Compositor
from render_service.compositor.inspection import InspectionChoices
from render_service.compositor.media.assets import Media
from render_service.domain.jobs.frame import FramePosition, FrameRequest, ImageFormat
from render_service.domain.layers.model import Layer, TextLayer, TextStyle
from render_service.domain.layers.uploaded_fonts import FontFile, pinned_name
from render_service.domain.projects.project import CaptionOptions, Shot
from render_service.fonts.sanitizer import sanitize
from tests.integration.compositor.storyboards import SMALL, composed, spec_of
from tests.unit.fonts.building import truetype

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_frames_and_videos_are_drawn_with_a_pinned_font(compositor: Compositor, tmp_path: Path) -> None:
    # All its letters are boxes.
    content = sanitize(truetype()).content
    file = tmp_path / "font"
    file.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    name = pinned_name([FontFile(400, 400, False, sha256)])

    async def frame(font: str, folder: Path) -> np.ndarray:
        layer = Layer("t", text=TextLayer("ABC", TextStyle(font=font, size=0.3)))
        shots = (Shot("one", caption="ABC", duration=timedelta(seconds=1), layers=(layer,)),)
        spec = spec_of(shots, SMALL, captions=CaptionOptions(font=font))
        media = Media(fonts={sha256: file})
        folder.mkdir()
        inspected = await compositor.inspect(media, InspectionChoices.of(spec))
        request = FrameRequest("films", spec, FramePosition(ImageFormat.PNG))
        await compositor.draw_frame(request, inspected, folder, folder / "frame")
        if font == name:
            video = await composed(compositor, spec, media, folder / "video")
            assert video.frames > 0
        with Image.open(folder / "frame") as image:
            return np.asarray(image.convert("L"), np.int16)

    boxes, letters = await frame(name, tmp_path / "a"), await frame("", tmp_path / "b")
    middle = boxes[SMALL.height // 4 : SMALL.height * 3 // 4]
    # Boxes have more white than letters.
    assert (middle > 240).mean() > 1.3 * (letters[SMALL.height // 4 : SMALL.height * 3 // 4] > 240).mean()
