"""Cards whose place depends on files: they clear a logo of any shape, and a map is drawn again as it was cropped."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.layers.texts import text_area
from render_service.compositor.media.assets import Asset, Media, ShotMedia
from render_service.compositor.planning import plan_pictures
from render_service.compositor.segments.content_hashes import MediaHashes
from render_service.compositor.segments.marks import DrawnMark
from render_service.compositor.segments.spec import SegmentSpec
from render_service.compositor.verification.reference_frames import expected_lumas
from render_service.domain.cards.model import MapPinCard, QuoteCard, ShotCard
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Corner, Project, Shot, Watermark
from render_service.domain.projects.timeline import plan_timeline

FIELD = "card.map_pin.picture_uri"


def picture(path: Path, size: tuple[int, int]) -> Path:
    Image.new("RGB", size, (250, 240, 230)).save(path)
    return path


@pytest.mark.parametrize("corner", Corner)
@pytest.mark.parametrize("size", [(30, 60), (60, 60), (240, 60)], ids=["high", "square", "wide"])
def test_no_text_of_a_card_touches_the_logo(size: tuple[int, int], corner: Corner, tmp_path: Path) -> None:
    frame = (180, 320)
    card = ShotCard(
        quote=QuoteCard("The harbour wakes before the sun does, every day of the year. " * 5, "A harbour master")
    )
    project = Project(shots=(Shot("s", card=card),), watermark=Watermark("given", corner, scale=0.4))
    spec = RenderSpec(project, OutputSpec(*frame, 30, Quality.STANDARD))
    asset = Asset(picture(tmp_path / "logo.png", size), "watermark.uri")
    hashes = MediaHashes(watermark="logo", assets={"logo": asset})
    _, segments = plan_pictures(spec, plan_timeline(project, 30, {}), hashes)
    drawn = SegmentSpec.from_bytes(segments[-1].job.spec)
    mark = next(layer.area for layer in drawn.layers if isinstance(layer, DrawnMark))
    texts = [one.layer for one in drawn.shot.layers if one.layer.text]
    assert texts
    for layer in texts:
        assert layer.text
        area = text_area(layer.text, layer.box, frame, "")
        beside = area.x + area.width <= mark.x or area.x >= mark.x + mark.width
        assert beside or area.y + area.height <= mark.y or area.y >= mark.y + mark.height


def test_a_shot_with_a_map_is_compared_with_its_map(tmp_path: Path) -> None:
    pixels = np.zeros((64, 256, 3), np.uint8)
    pixels[:, 192:] = 200
    Image.fromarray(pixels).save(tmp_path / "map.png")
    project = Project(shots=(Shot("s", card=ShotCard(map_pin=MapPinCard("given", 0.85, 0.5, "Here"))),))
    spec = RenderSpec(project, OutputSpec(160, 128, 24, Quality.STANDARD))
    timeline = plan_timeline(project, 24, {})
    media = Media(
        {"s": ShotMedia(image=picture(tmp_path / "dark.png", (16, 16)), layers={FIELD: tmp_path / "map.png"})}
    )
    (luma,) = expected_lumas(timeline.shots[0], media, [30], timeline, spec)
    assert luma.mean() > 100
