"""Cards whose looks were judged by eye once, and how to draw them; run as a script it draws them anew."""

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from render_service.compositor.captions.safe_areas import safe_area
from render_service.compositor.cards.arranging import arranged, picture_hashes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.layers import drawn_layers
from render_service.domain.cards.model import ShotCard, card_files
from tests.unit.compositor.cards.samples import WORDS, cards_of
from tests.unit.compositor.layers.scenes import Rgb, backdrop, to_rgb

FOLDER = Path(__file__).parent / "golden"
PICTURE = Path(__file__).parents[4] / "samples/harbour/images/02-morning.jpg"
FPS, FRAMES = 24, 96
WIDE, TALL = (224, 126), (126, 224)
# While it builds up, and near its end: a wide one in English, and a tall one in Arabic.
MOMENTS = ((WIDE, 0, 22), (WIDE, 0, 80), (TALL, 1, 80))


def card_names() -> list[str]:
    """The names of all cards."""
    return list(cards_of(WORDS[0]))


def picture(name: str) -> Rgb:
    """Three moments of a card beside each other."""
    shown = [_frame(cards_of(WORDS[words], pictures=True)[name], size, words, frame) for size, words, frame in MOMENTS]
    page = np.zeros((TALL[1], 2 * WIDE[0] + TALL[0], 3), np.uint8)
    left = 0
    for one in shown:
        page[: one.shape[0], left : left + one.shape[1]] = one
        left += one.shape[1]
    return page


def _frame(card: ShotCard, size: tuple[int, int], words: int, frame: int) -> Rgb:
    language = WORDS[words].language
    layers = arranged(
        card,
        frame=size,
        area=safe_area(*size),
        language=language,
        theme="",
        over_picture=True,
        seconds=FRAMES / FPS,
        sizes=(("card.map_pin.picture_uri", (1600, 900)),),
    )
    hashes = picture_hashes(layers, {field: "picture" for field, _ in card_files(card)})
    drawn = drawn_layers(layers, FRAMES, FPS, hashes, language)
    target = backdrop(*size)
    with closing(LayersPainter(drawn, size, FPS, {"picture": Asset(PICTURE, "card")})) as painter:
        painter.draw(frame, target)
    return to_rgb(target)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for card_name in card_names():
        cv2.imwrite(str(FOLDER / f"{card_name}.png"), picture(card_name)[:, :, ::-1])
