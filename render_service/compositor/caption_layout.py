"""Where a caption stands and how its lines are set: looks, the safe area, fitting."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from render_service.compositor import bidi
from render_service.compositor.fonts import CAPTION_WEIGHT, is_wide, text_language
from render_service.compositor.line_breaking import break_lines
from render_service.compositor.texts import render_language
from render_service.compositor.typesetting import Line, Type, measure, set_line
from render_service.domain.job import RenderSpec
from render_service.domain.project import MODE_PRESETS, CaptionStyle


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
LEADING = 1.34
ASCENT = 0.88
_DESCENT = 0.24
# Longest line in em: East Asian subtitles keep to 16–18 characters, others to about 42, half an em each.
_WIDE_MEASURE = 18.0
_NARROW_MEASURE = 22.0
_SMALLEST = 6
# Below this share of the full size a caption may take more lines than usual.
_CROWDED = 0.7


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
    x, y = even_up(left), even_up(top)
    return Rect(x, y, width - 2 * x, height - y - even_up(bottom))


def even_up(value: float) -> int:
    """Return the smallest even number that is not below a value."""
    return -int(-value // 2) * 2


@dataclass(frozen=True, slots=True)
class CaptionGeometry:
    """Measures of a caption that depend on its style, in em: outline, reach of the shadow, space inside the box."""

    stroke: float
    shadow: float
    pad_x: float
    pad_y: float

    def margin(self, size: int) -> int:
        """Space that drawing needs around the lines' boxes, in pixels."""
        return math.ceil(size * (self.stroke + self.shadow) + 2)


GEOMETRY = {
    CaptionStyle.PLAIN: CaptionGeometry(0.0, 0.3, 0.0, 0.0),
    CaptionStyle.OUTLINE: CaptionGeometry(0.075, 0.24, 0.0, 0.0),
    CaptionStyle.BOX: CaptionGeometry(0.0, 0.0, 0.55, 0.26),
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


@lru_cache(maxsize=64)
def lay_out_caption(
    text: str, width: int, height: int, look: CaptionLook, words: tuple[int | None, ...] | None = None
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
        fits = block_height(len(spans), size, look.style) <= area.height
        if size <= _SMALLEST or (fits and (len(spans) <= limit or size <= _CROWDED * full)):
            break
        size = max(_SMALLEST, int(size * 0.94))
    while len(spans) > 1 and block_height(len(spans), size, look.style) > area.height:
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
    geometry = GEOMETRY[style]
    room = area.width - 2 * (geometry.margin(kind.size) + geometry.pad_x * kind.size)
    wide = sum(map(is_wide, text)) * 3 > len(text)
    return max(min(room, (_WIDE_MEASURE if wide else _NARROW_MEASURE) * kind.size), kind.size)


def _fit(text: str, kind: Type, area: Rect, style: CaptionStyle) -> list[tuple[int, int]]:
    return break_lines(text, partial(measure, kind=kind), _line_room(text, kind, area, style), kind.language)


def block_height(lines: int, size: int, style: CaptionStyle) -> float:
    """Return the height in pixels of a caption of so many lines, with all that surrounds its letters."""
    geometry = GEOMETRY[style]
    return size * (ASCENT + _DESCENT + LEADING * (lines - 1) + 2 * geometry.pad_y) + 2 * geometry.margin(size)
