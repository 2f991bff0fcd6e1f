"""What is transparent lies over the ground on which it can be seen."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.drawing.canvas import flattened
from render_service.compositor.frames.ground import DARK_GROUND, LIGHT_GROUND, Colour, ground_under
from render_service.compositor.media.assets import clip_asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.domain.projects.project import Fit

BLACK, NAVY, WHITE, RED, GREY = (0, 0, 0), (10, 20, 80), (255, 255, 255), (210, 40, 30), (128, 128, 128)


def logo(*parts: tuple[Colour, int], size: int = 64) -> Image.Image:
    """Return a picture with rows of colours, otherwise transparent white."""
    picture = Image.new("RGBA", (size, size), (255, 255, 255, 0))
    top = 8
    for colour, rows in parts:
        picture.paste((*colour, 255), (8, top, size - 8, top + rows))
        top += rows
    return picture


@pytest.mark.parametrize(
    ("parts", "ground"),
    [
        ([(BLACK, 20)], LIGHT_GROUND),
        ([(NAVY, 20)], LIGHT_GROUND),
        ([(BLACK, 10), (RED, 30)], LIGHT_GROUND),
        ([(WHITE, 20)], DARK_GROUND),
        ([(WHITE, 10), (RED, 30)], DARK_GROUND),
        ([(RED, 30)], DARK_GROUND),
        ([(GREY, 30)], DARK_GROUND),
        ([(BLACK, 30), (WHITE, 10)], LIGHT_GROUND),
        ([], None),
    ],
)
def test_the_ground_is_the_one_on_which_more_can_be_seen(parts: list[tuple[Colour, int]], ground: Colour) -> None:
    assert ground_under(np.asarray(logo(*parts))) == ground


@pytest.mark.parametrize("colour", [BLACK, WHITE])
def test_a_clip_lies_over_the_ground_of_a_still_in_every_segment(colour: Colour, tmp_path: Path) -> None:
    # It fades in: its first picture shows nothing.
    shown, other = logo((colour, 20)), logo((RED, 24))
    path = tmp_path / "clip.webp"
    logo().save(path, save_all=True, append_images=[shown, shown, other], duration=100, lossless=True)
    ground = flattened(np.asarray(shown))[0, 0]
    for first in (0, 1, 3):
        form = FrameFormat(64, 64, 10, Fit.CONTAIN)
        with ClipReader(clip_asset("one", path), form, first=first) as reader:
            corner = int(reader.read().y[2, 2])
        assert corner == pytest.approx(16 + 219 / 255 * float(ground @ (0.2126, 0.7152, 0.0722)), abs=2)
