"""Draws texts of layers: broken into lines, set as large as fits, with background, stroke and colour."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from PIL import ImageDraw

from render_service.compositor.captions.safe_areas import Rect, safe_area
from render_service.compositor.layers.boxes import Area, anchor_point, placed
from render_service.compositor.layers.outlines import rectangle_mask
from render_service.compositor.layers.pixels import Drawing, Mask, coloured, empty, filled, lay_over
from render_service.compositor.text import bidi
from render_service.compositor.text.emoji import lay_emoji
from render_service.compositor.text.fonts import slants, text_language
from render_service.compositor.text.line_breaking import LineSpan, break_lines
from render_service.compositor.text.typesetting import (
    Line,
    LineStyle,
    draw_line,
    letter_starts,
    letters_of,
    measure_spread,
    new_mask,
    set_line,
    spread,
)
from render_service.domain.layers.changing import with_number
from render_service.domain.layers.colors import parse_color
from render_service.domain.layers.model import (
    Box,
    Counter,
    Layer,
    Stroke,
    TextAlign,
    TextLayer,
    TextStyle,
    VerticalAlign,
)

# Shares of the em: above and below the baseline, and what letters may reach beyond both and to the sides.
_ASCENT, _DESCENT, _OVERHANG = 0.88, 0.24, 0.4
# Letters are not set smaller than this share of the frame's shorter side.
_SMALLEST = 0.02
_SHRINKING = 0.94
_SLANT = 0.21
_WHITE = "#FFFFFF"


@dataclass(frozen=True, slots=True)
class Letter:
    """Where a letter lies in a drawing, in pixels, and the number of its line and word."""

    left: float
    right: float
    line: int
    word: int


@dataclass(frozen=True, slots=True)
class TextParts:
    """The parts of a drawn text, from the first to the last that is read.

    Args:
        letters: Every letter that is not a blank.
        edges: Where lines begin and end in the drawing, from top to bottom: one more than there are lines.
    """

    letters: tuple[Letter, ...]
    edges: tuple[float, ...]

    def moved(self, right: int, down: int, height: int) -> "TextParts":
        """Return them in a larger drawing of a height, whose left and top edges lie so many pixels farther out."""
        letters = (replace(one, left=one.left + right, right=one.right + right) for one in self.letters)
        return TextParts(tuple(letters), (0.0, *(edge + down for edge in self.edges[1:-1]), float(height)))


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines set in one size."""

    lines: tuple[Line, ...]
    size: int
    leading: float

    @property
    def width(self) -> float:
        """Width of its widest line in pixels."""
        return max(line.width for line in self.lines)

    @property
    def height(self) -> float:
        """Height in pixels, from the top of the first line's letters to the foot of the last line's."""
        return self.size * (_ASCENT + _DESCENT + self.leading * (len(self.lines) - 1))

    def baseline(self, number: int) -> float:
        """Return the distance of a line's baseline from the top of the block, in pixels."""
        return self.size * (_ASCENT + self.leading * number)


def draw_text(
    layer: TextLayer, box: Box, stroke: Stroke | None, frame: tuple[int, int], language: str
) -> tuple[Drawing, Area, TextParts]:
    """Draw a text before its rotation.

    Args:
        layer: The text, cleaned (`clean_text`).
        box: Its box.
        stroke: The line around letters.
        frame: Width and height of the frame in pixels.
        language: BCP 47 tag of the texts of the video; may be empty.

    Returns:
        The drawing, the area of its box, and where its letters are.
    """
    style, side = layer.style, min(frame)
    block, area, padding = _placed_block(layer, box, frame, language)
    align = _align(style, box, layer.text)
    x = area.x + padding + _share(align) * (area.width - 2 * padding - block.width)
    y = area.y + padding + _rows(style.vertical_align) * (area.height - 2 * padding - block.height)

    thickness = max(1.0, stroke.width * side) if stroke else 0.0
    reach = max(math.ceil(_OVERHANG * block.size + thickness), math.ceil(padding) + 1)
    left, top = math.floor(x) - reach, math.floor(y) - reach
    width = math.ceil(x + block.width) + reach - left
    height = math.ceil(y + block.height) + reach - top
    x, y = x - left, y - top
    pixels = empty(width, height)
    if style.background:
        behind = (x - padding, y - padding, block.width + 2 * padding, block.height + 2 * padding)
        mask = rectangle_mask(width, height, behind, box.corner_radius * side)
        lay_over(pixels, coloured(mask, parse_color(style.background)))
    # A font with letters that slant needs no others to be slanted.
    slanted = style.italic and not slants(style.font, style.weight)
    lefts = [x + _share(align) * (block.width - line.width) for line in block.lines]
    if stroke:
        outline = _mask(block, lefts, y, (width, height), italic=slanted, stroke=thickness)
        lay_over(pixels, coloured(outline, parse_color(stroke.color)))
    letters = _mask(block, lefts, y, (width, height), italic=slanted)
    lay_over(pixels, filled(letters, style.color or _WHITE, style.gradient, (x, y, block.width, block.height)))
    for number, (line, start) in enumerate(zip(block.lines, lefts, strict=True)):
        lay_emoji(pixels, line, start, y + block.baseline(number))
    return Drawing(pixels, left, top), area, _parts(block, lefts, y, height)


def text_area(layer: TextLayer, box: Box, frame: tuple[int, int], language: str) -> Area:
    """Return the area of a text's box without drawing it; see `draw_text`."""
    return _placed_block(layer, box, frame, language)[1]


def _placed_block(layer: TextLayer, box: Box, frame: tuple[int, int], language: str) -> tuple["_Block", Area, float]:
    """Return the lines of a text, the area of its box, and the padding around the lines in pixels."""
    style, side = layer.style, min(frame)
    inner, within = _space(box, style, frame)
    block = _fit(layer.text, style, inner, side, text_language(layer.text, language))
    padding = style.padding * block.size if style.background else 0.0
    size = (
        block.width + 2 * padding if box.width is None else box.width * frame[0],
        block.height + 2 * padding if box.height is None else box.height * frame[1],
    )
    return block, placed(box, size, within, frame), padding


def text_space(layer: TextLayer, box: Box, frame: tuple[int, int]) -> tuple[float, float]:
    """Return the width and height in pixels that the lines of a text take at most, with a background around them."""
    (width, height), _ = _space(box, layer.style, frame)
    around = 2 * (layer.style.padding + _OVERHANG) * layer.style.size * min(frame)
    return width + around, height + around


def fitted_size(layer: TextLayer, box: Box, frame: tuple[int, int], language: str) -> float:
    """Return the size of the letters with which a text fits its box; see `draw_text`."""
    inner, _ = _space(box, layer.style, frame)
    side = min(frame)
    block = _fit(layer.text, layer.style, inner, side, text_language(layer.text, language))
    return block.size / side


def _space(box: Box, style: TextStyle, frame: tuple[int, int]) -> tuple[tuple[float, float], Rect]:
    """Return the width and height in pixels that a text may take, and the rectangle that its anchor lies in."""
    safe = safe_area(*frame)
    x, y = anchor_point(box, safe, frame)
    padding = 2 * style.padding * style.size * min(frame) if style.background else 0.0
    across = _free(x, box.anchor.across, safe.x, safe.x + safe.width) if box.width is None else box.width * frame[0]
    down = _free(y, box.anchor.down, safe.y, safe.y + safe.height) if box.height is None else box.height * frame[1]
    return (max(across - padding, 0.1 * min(frame)), max(down - padding, 0.02 * min(frame))), safe


def _free(place: float, anchor: float, first: float, last: float) -> float:
    """Return how far a box with an anchor at a place can extend until it reaches an edge of the safe area."""
    # A text placed outside of it still gets some room.
    before, after = max(place - first, 0.2 * (last - first)), max(last - place, 0.2 * (last - first))
    if anchor == 0:
        return after
    return before if anchor == 1 else 2 * min(before, after)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A text set in one size, and whether it fits."""

    block: _Block
    spans: tuple[LineSpan, ...]
    width: Callable[[str], float]
    fits: bool


def _fit(text: str, style: TextStyle, space: tuple[float, float], side: int, language: str) -> _Block:
    """Set a text in the largest letters, up to its own size, in which it fits a space (width, height in pixels)."""
    base = bidi.base_level(text)

    @cache
    def attempt(size: int) -> _Attempt:
        kind, spacing = LineStyle(size, style.weight, language, style.font, style.italic), style.letter_spacing * size

        def width(part: str) -> float:
            return measure_spread(part, kind, spacing)

        broken = break_lines(text, width, space[0], language, evenness=0.7)
        block = _Block(
            tuple(_set(span.of(text), kind, spacing, base) for span in broken.lines), size, style.line_height
        )
        is_whole = not (broken.torn or broken.hyphenated)
        fits = is_whole and block.height <= space[1] and block.width <= space[0] + 1
        return _Attempt(block, broken.lines, width, fits)

    sizes = _sizes(text, style, space, side, language)
    # Nearly all texts fit in their own size; line breaking is too slow to try every other one.
    low, high = 0, 0 if attempt(sizes[0]).fits else len(sizes) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if attempt(sizes[middle]).fits else (middle + 1, high)
    found = attempt(sizes[low])
    lines, size = found.block.lines, found.block.size
    most = max(1, int((space[1] / size - _ASCENT - _DESCENT) / style.line_height + 1e-6) + 1)
    if found.fits or len(lines) <= most:
        return found.block
    last = found.spans[most - 1].of(text)
    for end in reversed(letter_starts(last)[1:]):
        if found.width(last + "…") <= space[0]:
            break
        last = last[:end]
    kind = LineStyle(size, style.weight, language, style.font, style.italic)
    shortened = _set(last.rstrip(" ,;:，、；：。.…") + "…", kind, style.letter_spacing * size, base)
    return replace(found.block, lines=(*lines[: most - 1], shortened))


def _sizes(text: str, style: TextStyle, space: tuple[float, float], side: int, language: str) -> list[int]:
    """Return the sizes to try, from the largest: those in which the letters cannot fit the space are left out."""
    size = max(1, round(style.size * side))
    smallest = min(size, max(6, round(_SMALLEST * side)))
    letters = "".join(text.split())
    kind = LineStyle(smallest, style.weight, language, style.font, style.italic)
    # A quarter less, for letters that are narrower in larger sizes.
    length = 0.75 * measure_spread(letters, kind, max(0.0, style.letter_spacing) * smallest) / smallest
    found = []
    while size > smallest:
        rows = max(0.0, (space[1] / size - _ASCENT - _DESCENT) / style.line_height + 1)
        if length * size <= int(rows + 1e-6) * (space[0] + 1):
            found.append(size)
        size = max(smallest, min(size - 1, int(size * _SHRINKING)))
    return [*found, smallest]


def _set(text: str, kind: LineStyle, spacing: float, base: int) -> Line:
    line = set_line(text, kind, base=base)
    return spread(line, spacing) if spacing else line


def _align(style: TextStyle, box: Box, text: str) -> TextAlign:
    if style.align is TextAlign.START:
        return TextAlign.LEFT if bidi.base_level(text) == 0 else TextAlign.RIGHT
    if style.align is not None:
        return style.align
    return {0.0: TextAlign.LEFT, 1.0: TextAlign.RIGHT}.get(box.anchor.across, TextAlign.CENTER)


def _share(align: TextAlign) -> float:
    return {TextAlign.LEFT: 0.0, TextAlign.RIGHT: 1.0}.get(align, 0.5)


def _rows(align: VerticalAlign) -> float:
    return {VerticalAlign.TOP: 0.0, VerticalAlign.BOTTOM: 1.0}.get(align, 0.5)


def _mask(
    block: _Block, lefts: list[float], top: float, size: tuple[int, int], *, italic: bool, stroke: float = 0.0
) -> Mask:
    whole = np.zeros((size[1], size[0]), np.uint8)
    for number, (line, x) in enumerate(zip(block.lines, lefts, strict=True)):
        image = new_mask(*size)
        foot = top + block.baseline(number)
        draw_line(ImageDraw.Draw(image), line, x, foot, stroke=stroke)
        drawn = np.asarray(image)
        if italic:
            slant = np.array(((1, -_SLANT, _SLANT * (foot - 0.3 * block.size)), (0, 1, 0)), np.float64)
            drawn = np.asarray(cv2.warpAffine(drawn, slant, size, flags=cv2.INTER_LINEAR), np.uint8)
        np.maximum(whole, drawn, out=whole)
    return np.multiply(whole, np.float32(1 / 255), dtype=np.float32)


def _parts(block: _Block, lefts: list[float], top: float, height: int) -> TextParts:
    letters: list[Letter] = []
    word, in_word = -1, False
    for number, (line, x) in enumerate(zip(block.lines, lefts, strict=True)):
        in_word = False
        for letter in letters_of(line).runs:
            if not letter.text.strip():
                in_word = False
                continue
            word += not in_word
            in_word = True
            letters.append(Letter(x + letter.x, x + letter.x + letter.width, number, word))
    between = block.size * (_DESCENT + block.leading - _ASCENT) / 2
    edges = [top + block.baseline(number) + between for number in range(len(lefts) - 1)]
    return TextParts(tuple(letters), (0.0, *edges, float(height)))


def with_fixed_size(layer: Layer, counter: Counter, frame: tuple[int, int], language: str) -> Layer:
    """Return a counter in the letters in which its longest number fits: they keep their size while it counts."""
    assert layer.text is not None
    ends = (with_number(layer.text.text, counter, end, language) for end in (counter.start, counter.end))
    longest = replace(layer.text, text=max(ends, key=len), counter=None)
    size = fitted_size(longest, layer.box, frame, language)
    return replace(layer, text=replace(layer.text, style=replace(layer.text.style, size=size)))
