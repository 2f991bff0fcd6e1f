"""Draws captions as overlays: plain, outlined or boxed, with the spoken word in colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from render_service.compositor.captions.layout import (
    GEOMETRY,
    CaptionFormat,
    CaptionGeometry,
    CaptionLayout,
    baselines,
    block_height,
    caption_format,
    lay_out_caption,
)
from render_service.compositor.captions.safe_areas import Rect, even_up, safe_area
from render_service.compositor.frames.overlay import Overlay, overlay_from_channels
from render_service.compositor.text.emoji import mask_emoji, put_emoji
from render_service.compositor.text.fonts import COLOR_EMOJI
from render_service.compositor.text.typesetting import draw_line, new_mask
from render_service.domain.projects.project import CaptionStyle

__all__ = ["HIGHLIGHT", "CaptionFormat", "CaptionStyle", "caption_format", "draw_caption", "safe_area"]

Mask = NDArray[np.float32]

HIGHLIGHT = (1.0, 0.83, 0.25)
"""sRGB colour, 0–1, of the word being spoken."""

_BOX_OPACITY = 0.68
_SHADOW_OPACITY = 0.78
_OUTLINE_OPACITY = 0.9


def draw_caption(
    text: str,
    width: int,
    height: int,
    fmt: CaptionFormat,
    *,
    words: Sequence[int | None] | None = None,
    highlighted: int | None = None,
    area: Rect | None = None,
) -> Overlay | None:
    """Draw a caption at the foot of an area, centred.

    The same arguments give the same bytes on every machine with the same fonts and libraries.

    Args:
        text: The caption; line feeds force line breaks. Text that does not fit is set smaller.
        width: Frame width in pixels, even, ≥ 128.
        height: Frame height in pixels, even, ≥ 128.
        fmt: Style, scale, language.
        words: For each character the number of its word; None between words.
        highlighted: Number of the word to draw in the highlight colour.
        area: The part of the frame to stay inside (`caption_area`); None takes the safe area.

    Returns:
        The overlay, entirely inside the area, or None where the text is blank.
    """
    numbers = tuple(words) if words is not None else None
    layout = lay_out_caption(text, width, height, fmt, words=numbers, area=area)
    if layout is None:
        return None
    drawing = _draw(layout, fmt.style)
    letters = drawing.letters
    red = green = blue = letters
    if highlighted is not None:
        lit = _word(layout, drawing, highlighted)
        red, green, blue = (letters + lit * np.float32(part - 1) for part in HIGHLIGHT)
    if any(run.face == COLOR_EMOJI for line in layout.lines for run in line.runs):
        red, green, blue = (channel.copy() for channel in (red, green, blue))
        for line, x, foot in zip(layout.lines, drawing.left, drawing.feet, strict=True):
            put_emoji((red, green, blue), line, x, foot)
    return overlay_from_channels((red, green, blue), drawing.opacity, drawing.x, drawing.y)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawing:
    """A caption before colouring: masks 0–1 of its letters and of its opacity, and its position in the frame."""

    letters: Mask
    opacity: Mask
    x: int
    y: int
    left: tuple[float, ...]
    feet: tuple[float, ...]


# A caption with timed words is drawn once a word, and only the colour of one word changes.
@lru_cache(maxsize=2)
def _draw(layout: CaptionLayout, style: CaptionStyle) -> _Drawing:
    geometry, size, area = GEOMETRY[style], layout.size, layout.area
    margin = geometry.margin(size)
    sizes = [line.kind.size for line in layout.lines]
    widest = max(line.width for line in layout.lines)
    width = min(even_up(widest + 2 * (margin + geometry.pad_x * size)), area.width)
    height = min(even_up(block_height(sizes, geometry)), area.height)
    left = tuple((width - line.width) / 2 + shift for line, shift in zip(layout.lines, layout.shifts, strict=True))
    above = margin + geometry.pad_y * size
    feet = tuple(above + foot for foot in baselines(sizes))

    fill, outline = new_mask(width, height), new_mask(width, height)
    for line, x, foot in zip(layout.lines, left, feet, strict=True):
        draw_line(ImageDraw.Draw(fill), line, x, foot)
        mask_emoji(fill, line, x, foot)
        mask_emoji(outline, line, x, foot)
        if geometry.stroke:
            draw_line(ImageDraw.Draw(outline), line, x, foot, stroke=geometry.stroke * line.kind.size)
    letters = _mask(fill)
    clear = 1 - letters
    if style is CaptionStyle.BOX:
        clear *= 1 - np.float32(_BOX_OPACITY) * _box(width, height, margin, 0.2 * size)
    else:
        shadow = _shadow(outline if geometry.stroke else fill, size, geometry)
        clear *= 1 - np.float32(_SHADOW_OPACITY) * shadow
        clear *= 1 - np.float32(_OUTLINE_OPACITY) * _mask(outline)
    x, y = area.x + (area.width - width) // 4 * 2, area.y + area.height - height
    return _Drawing(letters, 1 - clear, x, y, left, feet)


def _word(layout: CaptionLayout, drawing: _Drawing, word: int) -> Mask:
    lit = new_mask(drawing.letters.shape[1], drawing.letters.shape[0])
    for line, x, foot in zip(layout.lines, drawing.left, drawing.feet, strict=True):
        draw_line(ImageDraw.Draw(lit), line, x, foot, word=word)
    return _mask(lit)


def _mask(image: Image.Image) -> Mask:
    mask: Mask = np.multiply(np.asarray(image), np.float32(1 / 255), dtype=np.float32)
    return mask


def _shadow(image: Image.Image, size: int, geometry: CaptionGeometry) -> Mask:
    """Return a soft shadow slightly below the text."""
    moved = np.roll(np.asarray(image), max(1, round(0.04 * size)), axis=0)
    # OpenCV blurs bytes in fixed-point arithmetic, which gives the same result on every machine.
    blurred = cv2.GaussianBlur(moved, (0, 0), max(0.5, geometry.shadow * size / 3), borderType=cv2.BORDER_CONSTANT)
    shadow: Mask = np.minimum(np.multiply(blurred, np.float32(geometry.density / 255), dtype=np.float32), np.float32(1))
    return shadow


def _box(width: int, height: int, margin: int, radius: float) -> Mask:
    """Return a rounded rectangle, drawn four times larger and reduced for smooth corners."""
    scale = 4
    large = new_mask(width * scale, height * scale)
    edge = margin * scale
    ImageDraw.Draw(large).rounded_rectangle(
        (edge, edge, width * scale - edge - 1, height * scale - edge - 1), radius * scale, fill=255
    )
    return _mask(large.reduce(scale))
