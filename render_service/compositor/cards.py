"""Designed cards for shots that have no picture: a calm gradient with light in it, and the shot's text set large."""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from render_service.compositor import bidi
from render_service.compositor.captions import safe_area
from render_service.compositor.fonts import text_language
from render_service.compositor.line_breaking import break_lines
from render_service.compositor.typesetting import Type, draw_line, measure, new_mask, set_line

_TEXT_WEIGHT = 500
_LEADING = 1.36


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a card, sRGB 0–255: the gradient's two ends, the light in it, the accent."""

    top: tuple[int, int, int]
    bottom: tuple[int, int, int]
    glow: tuple[int, int, int]
    accent: tuple[int, int, int]


PALETTES = (
    Palette((14, 30, 56), (8, 14, 28), (38, 92, 148), (255, 186, 92)),
    Palette((28, 24, 58), (12, 11, 30), (96, 66, 170), (255, 158, 128)),
    Palette((8, 46, 50), (5, 20, 26), (24, 120, 116), (255, 209, 102)),
    Palette((52, 22, 38), (22, 9, 20), (148, 52, 84), (255, 196, 140)),
    Palette((26, 36, 32), (11, 17, 17), (66, 116, 88), (232, 208, 128)),
    Palette((36, 32, 30), (16, 14, 15), (126, 92, 66), (255, 176, 96)),
)


def draw_card(text: str, width: int, height: int, *, seed: str, language: str = "") -> NDArray[np.uint8]:
    """Draw a card.

    Args:
        text: What to write; may be empty.
        width: Frame width in pixels, ≥ 128.
        height: Frame height in pixels, ≥ 128.
        seed: Decides colours and light; the shot's id. The same arguments give the same bytes.
        language: BCP 47 tag of the text; empty guesses it.

    Returns:
        sRGB picture of shape (height, width, 3).
    """
    digest = hashlib.sha256(seed.encode()).digest()
    palette = PALETTES[digest[0] % len(PALETTES)]
    picture = _background(width, height, palette, digest)
    if text.strip():
        _write(picture, text.strip(), palette, text_language(text, language))
    noise = np.random.default_rng(digest[1]).uniform(-0.5, 0.5, picture.shape[:2]).astype(np.float32)
    card: NDArray[np.uint8] = np.rint(picture + noise[..., None]).clip(0, 255).astype(np.uint8)
    return card


def _background(width: int, height: int, palette: Palette, digest: bytes) -> NDArray[np.float32]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    along = np.clip(0.25 * x + 0.85 * y, 0, 1)[..., None]
    picture = (1 - along) * np.array(palette.top, np.float32) + along * np.array(palette.bottom, np.float32)
    ratio = width / height
    for number, strength in enumerate((0.75, 0.4)):
        centre_x = (0.82, 0.08)[number] + (digest[2 + number] / 255 - 0.5) * 0.24
        centre_y = (0.10, 0.95)[number] + (digest[4 + number] / 255 - 0.5) * 0.20
        reach = (0.62, 0.50)[number]
        distance = ((x - centre_x) * min(ratio, 1.6)) ** 2 + ((y - centre_y) / max(ratio, 0.7)) ** 2
        light = np.exp(-distance / (2 * (reach * 0.55) ** 2))[..., None]
        picture += light * strength * (np.array(palette.glow, np.float32) - picture)
    return np.asarray(picture, dtype=np.float32)


def _write(picture: NDArray[np.float32], text: str, palette: Palette, language: str) -> None:
    height, width = picture.shape[:2]
    side = min(width, height)
    area = safe_area(width, height)
    left, room = max(area.x, round(0.09 * width)), width - 2 * max(area.x, round(0.09 * width))
    for share in (0.088, 0.076, 0.066, 0.057, 0.049, 0.042, 0.036, 0.03, 0.025, 0.021, 0.018, 0.015, 0.0):
        kind = Type(max(6, round(side * share)), _TEXT_WEIGHT, language)
        limit = min(room, 21 * kind.size)
        spans = break_lines(text, lambda part, kind=kind: measure(part, kind), limit, language)  # type: ignore[misc]
        if len(spans) * kind.size * _LEADING <= 0.5 * height:
            break
    base = bidi.base_level(text)
    mask = new_mask(width, height)
    block = kind.size * _LEADING * len(spans)
    top = (height * 0.46) - block / 2
    for number, (start, end) in enumerate(spans):
        line = set_line(text[start:end], kind, base=base)
        x = left if base == 0 else width - left - line.width
        draw_line(ImageDraw.Draw(mask), line, kind, x, top + kind.size * (0.98 + _LEADING * number))
    opacity = (np.asarray(mask, np.float32) / 255)[..., None]
    picture += opacity * (np.array((250, 248, 244), np.float32) - picture)
    bar_height, bar_width = max(2, round(side * 0.006)), round(side * 0.075)
    y = max(0, round(top - side * 0.05))
    x = left if base == 0 else width - left - bar_width
    cv2.rectangle(picture, (x, y), (x + bar_width - 1, y + bar_height - 1), palette.accent, -1)
