"""Captions as overlays: styles, the safe area, fitting, drawing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from render_service.compositor import bidi
from render_service.compositor.fonts import CAPTION_WEIGHT, is_wide, text_language
from render_service.compositor.line_breaking import break_lines
from render_service.compositor.overlay import Overlay, overlay_from_rgba
from render_service.compositor.texts import render_language
from render_service.compositor.typesetting import Line, Type, draw_line, measure, new_mask, set_line
from render_service.domain.job import RenderSpec
from render_service.domain.project import MODE_PRESETS, CaptionStyle

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CaptionLook:
    """How captions are drawn.

    Args:
        style: Which look.
        scale: Multiplies the size that the frame's shorter side gives.
        language: BCP 47 tag of the texts; empty guesses it from each.
    """

    style: CaptionStyle = CaptionStyle.OUTLINE
    scale: float = 1.0
    language: str = ""


def caption_look(spec: RenderSpec) -> CaptionLook:
    """Return how the captions of a render are drawn, where the project says nothing as its mode decides."""
    preset, options = MODE_PRESETS[spec.project.mode], spec.project.captions
    return CaptionLook(
        options.style or preset.caption_style, preset.caption_scale * options.scale, render_language(spec.project)
    )


# Shares of the frame's shorter side and of the em.
_SIZE = 0.05
_LEADING = 1.34
_ASCENT = 0.88
_DESCENT = 0.24
# Longest line in em: East Asian subtitles keep to 16–18 characters, others to about 42, half an em each.
_WIDE_MEASURE = 18.0
_NARROW_MEASURE = 22.0
_SMALLEST = 6
# Below this share of the full size a caption may take more lines than usual.
_CROWDED = 0.7

_WHITE: Colour = (1.0, 1.0, 1.0)
_BLACK: Colour = (0.0, 0.0, 0.0)
HIGHLIGHT: Colour = (1.0, 0.83, 0.25)


def safe_area(width: int, height: int) -> Rect:
    """Return the part of a frame that captions stay inside.

    Landscape and square frames keep 5 % free on every side (EBU R 95, title-safe). Tall frames are watched on phones,
    where applications lay their buttons and texts over the lower third and the edges, so captions end above it.

    Args:
        width: Frame width in pixels.
        height: Frame height in pixels.

    Returns:
        The area, its edges on even pixels.
    """
    if height >= 1.6 * width:
        left, top, bottom = 0.07 * width, 0.10 * height, 0.29 * height
    else:
        left, top, bottom = 0.05 * width, 0.05 * height, (0.07 if height > width else 0.05) * height
    x, y = _even_up(left), _even_up(top)
    return Rect(x, y, width - 2 * x, height - y - _even_up(bottom))


def _even_up(value: float) -> int:
    return -int(-value // 2) * 2


@dataclass(frozen=True, slots=True)
class _Geometry:
    """Measures of a caption that depend on its style, in em."""

    stroke: float
    shadow: float
    pad_x: float
    pad_y: float

    def margin(self, size: int) -> int:
        """Space that drawing needs around the lines' boxes, in pixels."""
        return int(np.ceil(size * (self.stroke + self.shadow) + 2))


_GEOMETRY = {
    CaptionStyle.PLAIN: _Geometry(0.0, 0.3, 0.0, 0.0),
    CaptionStyle.OUTLINE: _Geometry(0.075, 0.24, 0.0, 0.0),
    CaptionStyle.BOX: _Geometry(0.0, 0.0, 0.55, 0.26),
}


@dataclass(frozen=True, slots=True)
class CaptionLayout:
    """A caption's lines, set and placed.

    Args:
        kind: How the lines are set.
        lines: From top to bottom.
        spans: For each line, where it begins and ends in the text.
        area: The safe area they were fitted into.
    """

    kind: Type
    lines: tuple[Line, ...]
    spans: tuple[tuple[int, int], ...]
    area: Rect


def max_lines(width: int, height: int) -> int:
    """Return how many lines a caption has at most before its size shrinks: two in landscape, three in tall frames."""
    return 2 if width > height else 3


def lay_out_caption(
    text: str, width: int, height: int, look: CaptionLook, words: Sequence[int | None] | None = None
) -> CaptionLayout | None:
    """Break and set a caption, at its full size if it fits, else smaller.

    Args:
        text: The caption; line feeds force line breaks.
        width: Frame width in pixels.
        height: Frame height in pixels.
        look: How it is drawn.
        words: For each character the number of the word that it is part of.

    Returns:
        The layout, or None where nothing is to be drawn.
    """
    if not text.strip():
        return None
    area = safe_area(width, height)
    language = text_language(text, look.language)
    full = size = caption_size(width, height, look)
    limit = max(max_lines(width, height), text.strip().count("\n") + 1)
    while True:
        kind = Type(size, CAPTION_WEIGHT, language)
        spans = _fit(text, kind, area, look.style)
        fits = _block_height(len(spans), size, look.style) <= area.height
        if size <= _SMALLEST or (fits and (len(spans) <= limit or size <= _CROWDED * full)):
            break
        size = max(_SMALLEST, int(size * 0.94))
    while len(spans) > 1 and _block_height(len(spans), size, look.style) > area.height:
        spans = spans[:-1]
    base = bidi.base_level(text)
    lines = tuple(
        set_line(text[a:b], kind, base=base, words=words[a:b] if words is not None else None) for a, b in spans
    )
    return CaptionLayout(kind, lines, tuple(spans), area)


def caption_size(width: int, height: int, look: CaptionLook) -> int:
    """Return the full em size of captions, in pixels."""
    return max(_SMALLEST, round(min(width, height) * _SIZE * look.scale))


def caption_measure(text: str, width: int, height: int, look: CaptionLook) -> tuple[Callable[[str], float], float]:
    """Return how wide a caption's texts and its lines at most are at full size.

    Args:
        text: The whole caption, from which its language is guessed if `look` names none.
        width: Frame width in pixels.
        height: Frame height in pixels.
        look: How it is drawn.

    Returns:
        A function that measures a text in pixels, and the widest a line may be in pixels.
    """
    kind = Type(caption_size(width, height, look), CAPTION_WEIGHT, text_language(text, look.language))
    return partial(measure, kind=kind), _line_room(text, kind, safe_area(width, height), look.style)


def _line_room(text: str, kind: Type, area: Rect, style: CaptionStyle) -> float:
    geometry = _GEOMETRY[style]
    room = area.width - 2 * (geometry.margin(kind.size) + geometry.pad_x * kind.size)
    wide = sum(map(is_wide, text)) * 3 > len(text)
    return max(min(room, (_WIDE_MEASURE if wide else _NARROW_MEASURE) * kind.size), kind.size)


def _fit(text: str, kind: Type, area: Rect, style: CaptionStyle) -> list[tuple[int, int]]:
    return break_lines(text, partial(measure, kind=kind), _line_room(text, kind, area, style), kind.language)


def _block_height(lines: int, size: int, style: CaptionStyle) -> float:
    geometry = _GEOMETRY[style]
    return size * (_ASCENT + _DESCENT + _LEADING * (lines - 1) + 2 * geometry.pad_y) + 2 * geometry.margin(size)


def draw_caption(
    text: str,
    width: int,
    height: int,
    look: CaptionLook,
    *,
    words: Sequence[int | None] | None = None,
    highlighted: int | None = None,
) -> Overlay | None:
    """Draw a caption at the foot of the safe area, centred.

    The same arguments give the same bytes on every machine with the same fonts and libraries.

    Args:
        text: The caption; line feeds force line breaks. Text that is too long for its place is set smaller.
        width: Frame width in pixels, even, ≥ 128.
        height: Frame height in pixels, even, ≥ 128.
        look: Style, scale, language.
        words: For each character the number of the word that it is part of; None between words.
        highlighted: The number of the word to draw in the highlight colour.

    Returns:
        The overlay, wholly inside the safe area, or None where nothing is to be drawn.
    """
    layout = lay_out_caption(text, width, height, look, words)
    if layout is None:
        return None
    return _draw(layout, look.style, highlighted)


def _draw(layout: CaptionLayout, style: CaptionStyle, highlighted: int | None) -> Overlay:
    geometry, size, area = _GEOMETRY[style], layout.kind.size, layout.area
    margin = geometry.margin(size)
    pad_x, pad_y = geometry.pad_x * size, geometry.pad_y * size
    widest = max(line.width for line in layout.lines)
    width = min(_even_up(widest + 2 * (margin + pad_x)), area.width)
    height = min(_even_up(_block_height(len(layout.lines), size, style)), area.height)
    x = area.x + (area.width - width) // 4 * 2
    y = area.y + area.height - height

    fill, stroked, lit = new_mask(width, height), new_mask(width, height), new_mask(width, height)
    for number, line in enumerate(layout.lines):
        left = (width - line.width) / 2
        baseline = margin + pad_y + size * (_ASCENT + _LEADING * number)
        draw_line(ImageDraw.Draw(fill), line, layout.kind, left, baseline)
        if geometry.stroke:
            draw_line(ImageDraw.Draw(stroked), line, layout.kind, left, baseline, stroke=geometry.stroke * size)
        if highlighted is not None:
            draw_line(ImageDraw.Draw(lit), line, layout.kind, left, baseline, word=highlighted)

    canvas = np.zeros((height, width, 4), dtype=np.float32)
    if style is CaptionStyle.BOX:
        _paint(canvas, _box(width, height, margin, 0.2 * size), _BLACK, 0.68)
    else:
        _paint(canvas, _shadow(_opacity(stroked if geometry.stroke else fill), size, geometry.shadow), _BLACK, 0.75)
        _paint(canvas, _opacity(stroked), _BLACK, 0.9)
    _paint(canvas, _opacity(fill), _WHITE, 1.0)
    if highlighted is not None:
        _paint(canvas, _opacity(lit), HIGHLIGHT, 1.0)
    return overlay_from_rgba(canvas, x, y)


def _opacity(mask: Image.Image) -> NDArray[np.float32]:
    opacity: NDArray[np.float32] = np.asarray(mask, dtype=np.float32) / np.float32(255)
    return opacity


def _shadow(mask: NDArray[np.float32], size: int, reach: float) -> NDArray[np.float32]:
    """Return a soft shadow, a little below its text; `reach` is how far it goes, in em."""
    moved = np.roll(mask, max(1, round(0.04 * size)), axis=0)
    blurred = cv2.GaussianBlur(moved, (0, 0), max(0.5, reach * size / 3), borderType=cv2.BORDER_CONSTANT)
    shadow: NDArray[np.float32] = np.minimum(blurred * np.float32(1.4), np.float32(1))
    return shadow


def _box(width: int, height: int, margin: int, radius: float) -> NDArray[np.float32]:
    """Return a rounded rectangle, drawn four times larger and reduced for smooth corners."""
    scale = 4
    large = new_mask(width * scale, height * scale)
    edge = margin * scale
    ImageDraw.Draw(large).rounded_rectangle(
        (edge, edge, width * scale - edge - 1, height * scale - edge - 1), radius * scale, fill=255
    )
    return _opacity(large.reduce(scale))


def _paint(canvas: NDArray[np.float32], mask: NDArray[np.float32], colour: Colour, opacity: float) -> None:
    """Lay a colour through a mask over what is already there."""
    alpha = mask[..., None] * np.float32(opacity)
    canvas *= 1 - alpha
    canvas += alpha * np.array((*colour, 1.0), dtype=np.float32)
