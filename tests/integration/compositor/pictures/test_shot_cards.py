"""Cards in finished videos: they pass the checks, show their pictures, and a damaged one is named by its field."""

from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.cards.model import LowerThirdCard, MapPinCard, QuoteCard, ShotCard, StatisticCard
from render_service.domain.errors import RenderFailure
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import BadAssetPolicy, Shot, Transition, TransitionKind
from tests.integration.compositor.storyboards import composed, photo, spec_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
TINY = OutputSpec(160, 128, 24, Quality.STANDARD)
SECOND = timedelta(seconds=1)
CUT = Transition(TransitionKind.CUT)
PIN = "card.map_pin.picture_uri"


async def test_cards_are_composed_over_pictures_and_over_backgrounds(compositor: Compositor, tmp_path: Path) -> None:
    # Four times as wide as high, and green in its last quarter: the crop must keep the pin, which stands there.
    pixels = np.zeros((64, 256, 3), np.uint8)
    pixels[:, :192] = (200, 0, 0)
    pixels[:, 192:] = (0, 160, 0)
    Image.fromarray(pixels).save(tmp_path / "map.png")
    shots = (
        Shot("number", caption="", duration=SECOND, card=ShotCard(statistic=StatisticCard(40, label="boats"))),
        Shot(
            "name",
            caption="",
            image_uri="given",
            duration=SECOND,
            transition=CUT,
            card=ShotCard(lower_third=LowerThirdCard("Ingrid")),
        ),
        Shot(
            "map",
            caption="",
            duration=SECOND,
            transition=CUT,
            card=ShotCard(map_pin=MapPinCard("given", 0.85, 0.5, "Here"), accent="#2040FF"),
        ),
    )
    media = Media({
        "name": ShotMedia(image=photo(tmp_path / "photo.png")),
        "map": ShotMedia(layers={PIN: tmp_path / "map.png"}),
    })  # fmt: skip
    video = await composed(compositor, spec_of(shots, TINY), media, tmp_path / "work")
    with av.open(video.path) as file:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0)]
    assert len(frames) == 72
    assert [chapter.title for chapter in video.chapters] == ["boats", "Ingrid", "Here"]
    number, last = frames[20], frames[-1]
    assert number.max() > 200, "the number is bright"
    assert np.median(number) < 90, "the background is dark"
    assert np.abs(last[5, 5] - (0, 160, 0)).max() < 60 or np.abs(last[120, 150] - (0, 160, 0)).max() < 60
    assert ((last[..., 2] > 150) & (last[..., 0] < 90)).sum() > 20, "the pin is blue"


async def test_a_damaged_picture_of_a_card_fails_the_job_by_its_field(compositor: Compositor, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    shot = Shot("one", card=ShotCard(quote=QuoteCard("Yes", picture_uri="given")))
    media = Media({"one": ShotMedia(layers={"card.quote.picture_uri": damaged})})
    spec = spec_of((shot,), TINY, bad_asset_policy=BadAssetPolicy.CARD)
    with pytest.raises(RenderFailure) as failed:
        await composed(compositor, spec, media, tmp_path / "work")
    assert failed.value.message.startswith("one.card.quote.picture_uri: ")
