"""The words of a laid-out caption as masks: letters, outline, shadow, halo and box, each drawn once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from render_service.compositor.captions.layout import CaptionLayout
from render_service.compositor.captions.look import Backing, CaptionLook
from render_service.compositor.captions.word_states import WordState
from render_service.compositor.text.emoji import emoji_of, mask_emoji
from render_service.compositor.text.typesetting import Line, draw_line, new_mask

Mask = NDArray[np.uint8]

# In em: how far letters reach above and below their baseline in any script, and how far a box does.
_ABOVE, _BELOW = 1.25, 0.6
_BOX_ABOVE, _BOX_BELOW, _BOX_SIDE, _RADIUS = 0.98, 0.34, 0.2, 0.2
_LINE_SIDE = 0.34
# The halo is opaque close to the letters and fades out over this distance, in em.
_HALO = 0.24


@dataclass(frozen=True, slots=True, eq=False)
class WordTile:
    """A word of one line. All masks have the tile's shape; 255 is opaque.

    Args:
        word: Its number; None stands for a whole line of words without times.
        line: The line that it is in, from 0.
        x: Left edge of the masks in the drawing, in pixels.
        y: Their top edge.
        first: Where its letters begin in the masks, in pixels from the left.
        last: Where they end.
        em: Size of its letters in pixels.
        rightwards: Whether it is read to the right.
        letters: Its letters.
        outline: The same with their outline; None without one.
        shadow: Their shadow; None without one.
        halo: Its letters and what is close to them.
        box: The box behind it; None without one.
        emoji: Its emoji, as red, green, blue, each times opacity, and opacity in a last axis; None without one.
    """

    word: int | None
    line: int
    x: int
    y: int
    first: int
    last: int
    em: int
    rightwards: bool
    letters: Mask
    outline: Mask | None
    shadow: Mask | None
    halo: Mask
    box: Mask | None
    emoji: Mask | None = None


def word_tiles(
    layout: CaptionLayout, look: CaptionLook, left: Sequence[float], feet: Sequence[float]
) -> list[WordTile]:
    """Draw all words of a caption, each for itself.

    Args:
        layout: The caption.
        look: Its preset.
        left: Where each line begins in the drawing, in pixels.
        feet: The baseline of each line in the drawing, in pixels from its top.
    """
    tiles = []
    for number, (line, x, foot) in enumerate(zip(layout.lines, left, feet, strict=True)):
        words: list[int | None] = [*dict.fromkeys(run.word for run in line.runs if run.word is not None)]
        tiles += [_tile(line, number, word, look, (x, foot)) for word in (words or [None])]
    return tiles


def _tile(line: Line, number: int, word: int | None, look: CaptionLook, start: tuple[float, float]) -> WordTile:
    """Draw a word of a line that starts at a place, its left edge and its baseline in pixels."""
    (x, foot), em = start, line.kind.size
    runs = [run for run in line.runs if word is None or run.word == word]
    begin, end = min(run.x for run in runs), max(run.x + run.width for run in runs)
    pad = math.ceil(em * (look.stroke + max(look.shadow, 2.6 * _HALO) + look.shadow_drop) + 3)
    left, top = math.floor(x + begin) - pad, math.floor(foot - _ABOVE * em) - pad
    width, height = math.ceil(x + end) + pad - left, math.ceil(foot + _BELOW * em) + pad - top
    place = (x - left, foot - top)

    def drawn(stroke: float = 0.0, *, has_emoji: bool = True) -> Mask:
        mask = new_mask(width, height)
        draw_line(ImageDraw.Draw(mask), line, *place, stroke=stroke, word=word)
        if has_emoji:
            mask_emoji(mask, line, *place, word)
        return np.asarray(mask)

    letters = drawn(has_emoji=False)
    outline = drawn(look.stroke * em) if look.stroke else None
    shadow = _shadow(drawn() if outline is None else outline, look, em) if look.shadow else None
    close = cv2.GaussianBlur(drawn(_HALO * em), (0, 0), max(0.5, 0.75 * _HALO * em))
    halo = cv2.convertScaleAbs(close, alpha=1.5)
    first, last = pad, width - pad
    box = None
    if look.backing in (Backing.WORD, Backing.MARKER):
        side = _BOX_SIDE * em
        edges = (first - side, place[1] - _BOX_ABOVE * em, last + side, place[1] + _BOX_BELOW * em)
        box = rounded_box(width, height, edges, (_RADIUS if look.backing is Backing.WORD else 0.06) * em)
    return WordTile(
        word,
        number,
        left,
        top,
        first,
        last,
        em,
        runs[0].rightwards,
        letters,
        outline,
        shadow,
        np.asarray(halo, np.uint8),
        box,
        _emoji(line, place, word, (width, height)),
    )


def _emoji(line: Line, place: tuple[float, float], word: int | None, size: tuple[int, int]) -> Mask | None:
    pictures = list(emoji_of(line, *place, word=word))
    if not pictures:
        return None
    drawing = np.zeros((size[1], size[0], 4), np.uint8)
    for picture in pictures:
        area, pixels = picture.within(*size)
        np.maximum(drawing[area], pixels, out=drawing[area])
    return drawing


def _shadow(mask: Mask, look: CaptionLook, em: int) -> Mask:
    moved = np.roll(mask, round(look.shadow_drop * em), axis=0)
    blurred = cv2.GaussianBlur(moved, (0, 0), max(0.5, look.shadow * em / 3), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.convertScaleAbs(blurred, alpha=1.8 * look.shadow_opacity), np.uint8)


def rounded_box(width: int, height: int, edges: tuple[float, float, float, float], radius: float) -> Mask:
    """Return a mask with a rounded rectangle, smooth at its edges; edges are left, top, right and bottom in pixels."""
    scale = 4
    large = new_mask(width * scale, height * scale)
    corners = tuple(round(edge * scale) for edge in edges)
    ImageDraw.Draw(large).rounded_rectangle((corners[0], corners[1], corners[2], corners[3]), radius * scale, fill=255)
    return np.asarray(large.reduce(scale))


def line_boxes(layout: CaptionLayout, left: Sequence[float], feet: Sequence[float], size: tuple[int, int]) -> Mask:
    """Return the mask of a label: a rounded box behind each line, joined where they meet."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    for line, x, foot in zip(layout.lines, left, feet, strict=True):
        em = line.kind.size
        side = _LINE_SIDE * em
        edges = (x - side, foot - _BOX_ABOVE * em - 0.06 * em, x + line.width + side, foot + _BOX_BELOW * em)
        np.maximum(mask, rounded_box(*size, edges, _RADIUS * em), out=mask)
    return mask


def spoken_edge(tile: WordTile, part: float) -> tuple[int, int]:
    """Return the columns of a tile, first and after the last, that hold its spoken part 0–1; its margins included."""
    width = tile.letters.shape[1]
    if part >= 1:
        return 0, width
    reach = round((tile.last - tile.first) * part)
    return (0, tile.first + reach) if tile.rightwards else (tile.last - reach, width)


def lay(mask: Mask, tile: WordTile, state: WordState, target: Mask) -> None:
    """Lay a mask of a tile into the whole drawing as its word stands in a frame; where masks meet, the larger stays."""
    if state.opacity <= 0:
        return
    height, width = mask.shape[:2]
    x, y = tile.x, tile.y
    if state.scale != 1 or state.lift:
        reach = max(0.0, state.scale - 1) / 2
        wide, high = math.ceil(width * reach) + 1, math.ceil(height * reach + abs(state.lift) * tile.em) + 1
        middle = (width / 2, height / 2)
        matrix = np.array(
            (
                (state.scale, 0, wide + middle[0] * (1 - state.scale)),
                (0, state.scale, high + middle[1] * (1 - state.scale) - state.lift * tile.em),
            ),
            np.float64,
        )
        size = (width + 2 * wide, height + 2 * high)
        mask = np.asarray(cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
        x, y = x - wide, y - high
    if state.opacity < 1:
        mask = np.asarray(cv2.convertScaleAbs(mask, alpha=state.opacity), np.uint8)
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(mask.shape[0], target.shape[0] - y), min(mask.shape[1], target.shape[1] - x)
    if bottom > top and right > left:
        part = target[y + top : y + bottom, x + left : x + right]
        np.maximum(part, mask[top:bottom, left:right], out=part)
