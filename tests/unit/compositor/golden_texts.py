"""Captions and cards whose looks were judged by eye once, and how to draw them; run as a script it draws them anew."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.layout import CaptionFormat
from render_service.compositor.drawing.cards import draw_card, draw_title_card
from render_service.domain.projects.project import CaptionStyle

FOLDER = Path(__file__).parent / "golden"
_WIDTH, _HEIGHT = 640, 360
_BAND = 96


def _caption(text: str, style: CaptionStyle, language: str = "") -> NDArray[np.uint8]:
    """Return the lower band of a two-coloured frame with a caption, as brightness."""
    luma = np.full((_HEIGHT, _WIDTH), 200, np.uint8)
    luma[:, _WIDTH // 2 :] = 60
    half = np.full((_HEIGHT // 2, _WIDTH // 2), 128, np.uint8)
    overlay = draw_caption(text, _WIDTH, _HEIGHT, CaptionFormat(style, language=language))
    assert overlay is not None
    overlay.blend(luma, half, half.copy())
    return luma[-_BAND:]


def _gray(card: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(card, cv2.COLOR_RGB2GRAY), np.uint8)


def _card(text: str, width: int, height: int) -> NDArray[np.uint8]:
    return _gray(draw_card(text, width, height, seed="golden"))


def _title(title: str, subtitle: str) -> NDArray[np.uint8]:
    return _gray(draw_title_card(title, subtitle, 320, 180, seed="golden"))


GOLDEN: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "latin-outline": partial(_caption, "The harbour wakes “before” the sun does,\nand so do we…", CaptionStyle.OUTLINE),
    "chinese-plain": partial(_caption, "渔民们在灯光下修补渔网，讲着流传了两百年的故事。", CaptionStyle.PLAIN),
    "bilingual-box": partial(_caption, "Good night, harbour.\n晚安，港湾。", CaptionStyle.BOX, "zh-Hans"),
    "japanese-korean": partial(_caption, "漁師は「おはよう」と言った。\n항구는 깨어난다.", CaptionStyle.OUTLINE),
    "arabic-numbers": partial(_caption, "قوارب (12) تعود، ٣ أسواق!", CaptionStyle.BOX),
    "scripts": partial(_caption, "שלום नमस्ते สวัสดี مرحبا 你好 \U0001f41f", CaptionStyle.OUTLINE),
    "card": partial(_card, "A quiet harbour at dawn, 薄雾中的渔船", 320, 180),
    "card-right-to-left": partial(_card, "ميناء هادئ عند الفجر", 180, 320),
    "title": partial(_title, "The Harbour", "港口的清晨"),
}


def main() -> None:
    """Draw all pictures anew."""
    for name, draw in GOLDEN.items():
        cv2.imwrite(str(FOLDER / f"{name}.png"), draw())


if __name__ == "__main__":
    main()
