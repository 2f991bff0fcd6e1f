"""Draws a caption with a preset, frame by frame: its words as they are spoken, legible over any picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.captions.cues import CueWord
from render_service.compositor.captions.layout import CaptionFormat, baselines, block_height, lay_out_caption
from render_service.compositor.captions.look import Accent, Backing, CaptionLook, Entrance
from render_service.compositor.captions.safe_areas import Rect, even_up
from render_service.compositor.captions.word_states import WordState, word_state
from render_service.compositor.captions.word_tiles import Mask, WordTile, lay, line_boxes, spoken_edge, word_tiles
from render_service.compositor.frames.overlay import Overlay
from render_service.compositor.frames.planes import Planes
from render_service.compositor.frames.stacking import OverlayStack
from render_service.domain.layers.contrast import BLACK, LEAST_CONTRAST, luminance, rgb

# In em: room around the block for words that come in, and the caret of a typewriter.
_BLEED, _CARET = 0.6, 0.09
# Steps in which the help against a bright or dark picture grows, and the part of the picture that may stay beyond.
_HELP_STEPS = 32
_OUTLIERS = 5
# An outline from this width on, in em, sets letters off by itself.
_ENOUGH_STROKE = 0.045
_Placed = tuple[WordTile, WordState, tuple[int, int]]
_ALL_SHOWN = WordState(1.0, 1.0, 0.0, 1.0, is_active=False)


@dataclass(slots=True)
class _Last:
    key: tuple[object, ...]
    overlay: Overlay


class LookPainter:
    """Draws one cue.

    Args:
        text: What is seen.
        words: Its words with their times in frames.
        fmt: A format with a preset.
        size: Width and height of the frame in pixels.
        fps: Frames a second.
        area: The part of the frame to stay inside.
    """

    def __init__(
        self, text: str, words: Sequence[CueWord], fmt: CaptionFormat, *, size: tuple[int, int], fps: int, area: Rect
    ) -> None:
        assert fmt.look is not None
        self._look = look = fmt.look
        self._words = words
        self._fps = fps
        letters: list[int | None] = [None] * len(text)
        for number, word in enumerate(words):
            letters[word.first : word.last] = [number] * (word.last - word.first)
        layout = lay_out_caption(text, *size, fmt, words=tuple(letters) if words else None, area=area)
        self._rect: Rect | None = None
        self._last: _Last | None = None
        if layout is None:
            return
        em, geometry = layout.size, fmt.geometry
        sizes = [line.kind.size for line in layout.lines]
        edge = geometry.margin(em)
        width = even_up(max(line.width for line in layout.lines) + 2 * (edge + geometry.pad_x * em))
        height = min(even_up(block_height(sizes, geometry)), area.height)
        block_x = area.x + (area.width - width) // 4 * 2
        block_y = area.y + round(look.place * (area.height - height) / 2) * 2
        bleed = even_up(_BLEED * em)
        x, y = max(0, block_x - bleed), max(0, block_y - bleed)
        right, bottom = min(size[0], block_x + width + bleed), min(size[1], block_y + height + bleed)
        self._rect = Rect(x, y, right - x, bottom - y)
        left = [
            block_x - x + (width - line.width) / 2 + shift
            for line, shift in zip(layout.lines, layout.shifts, strict=True)
        ]
        feet = [block_y - y + edge + geometry.pad_y * em + foot for foot in baselines(sizes)]
        self._tiles = word_tiles(layout, look, left, feet)
        self._label = (
            line_boxes(layout, left, feet, (self._rect.width, self._rect.height))
            if look.backing is Backing.LINE
            else None
        )
        self._inks = _inks(look, text, words)
        tops = [tile.y for tile in self._tiles]
        self._under = Rect(block_x, max(y, y + min(tops)), width, height)

    def overlay(self, frame: int, under: Planes) -> Overlay | None:
        """Return the drawing for a frame; None where there is nothing to draw.

        Args:
            frame: Counted as the times of the words are.
            under: The frame's picture before the caption is drawn.
        """
        if self._rect is None:
            return None
        states = [self._state(tile, frame) for tile in self._tiles]
        edges = [spoken_edge(tile, self._part(tile, state)) for tile, state in zip(self._tiles, states, strict=True)]
        help_steps = self._help(under)
        key = (tuple(states), help_steps) if self._look.sweeps else (_without_part(states), tuple(edges), help_steps)
        if self._last is None or self._last.key != key:
            self._last = _Last(key, self._draw(states, edges, help_steps / _HELP_STEPS))
        return self._last.overlay

    def _state(self, tile: WordTile, frame: int) -> WordState:
        if tile.word is None:
            return _ALL_SHOWN
        word, look = self._words[tile.word], self._look
        return word_state(
            frame,
            word.start,
            word.end,
            self._fps,
            entrance=look.entrance,
            waiting=look.waiting,
            swell=look.swell,
        )

    def _part(self, tile: WordTile, state: WordState) -> float:
        """Return how much of a word is marked or typed, 0–1."""
        if self._look.sweeps:
            return state.spoken
        if self._look.entrance is Entrance.TYPE and tile.word is not None:
            word = self._words[tile.word]
            letters = max(1, word.last - word.first)
            return math.ceil(state.spoken * letters) / letters
        return 1.0

    def _help(self, picture: Planes) -> int:
        """Return how strong a halo the letters need to stand out from the picture, in steps."""
        look = self._look
        if look.backing is Backing.LINE or look.stroke >= _ENOUGH_STROKE:
            return 0
        is_light = look.halo_color == BLACK
        lights = [luminance(rgb(color)) for color in look.letter_colors]
        ink = min(lights) if is_light else max(lights)
        seen = _values(picture, self._under, is_light=is_light)
        value = float(np.percentile(seen, 100 - _OUTLIERS if is_light else _OUTLIERS))
        if is_light:
            most = _value((ink + 0.05) / LEAST_CONTRAST - 0.05)
            needed = 1 - most / value if value > most else 0.0
        else:
            least = _value(min(1.0, (ink + 0.05) * LEAST_CONTRAST - 0.05))
            needed = (least - value) / (1 - value) if value < least else 0.0
        return math.ceil(min(1.0, needed) * _HELP_STEPS)

    def _draw(self, states: Sequence[WordState], edges: Sequence[tuple[int, int]], helped: float) -> Overlay:
        assert self._rect is not None
        look, size = self._look, (self._rect.width, self._rect.height)
        stack = OverlayStack(*size)
        placed: list[_Placed] = list(zip(self._tiles, states, edges, strict=True))
        if helped:
            halo = np.zeros((size[1], size[0]), np.uint8)
            for tile, state, _ in placed:
                lay(tile.halo, tile, state, halo)
            stack.paint(np.asarray(cv2.convertScaleAbs(halo, alpha=helped), np.uint8), rgb(look.halo_color))
        if self._label is not None:
            stack.paint(_times(self._label, look.backing_opacity), rgb(look.backing_color))
        self._behind(stack, placed)
        for color, letters in self._letters(placed).items():
            stack.paint(letters, rgb(color))
        self._pictures(stack, placed)
        return stack.overlay(self._rect.x, self._rect.y)

    def _behind(self, stack: OverlayStack, placed: Sequence[_Placed]) -> None:
        """Paint what is behind the letters: shadows, boxes of words, and outlines over both."""
        look = self._look
        typed = look.entrance is Entrance.TYPE
        shadow, box = (np.zeros((stack.height, stack.width), np.uint8) for _ in range(2))
        outlines: dict[str, Mask] = {}
        for tile, state, edge in placed:
            if tile.shadow is not None:
                lay(_kept(tile.shadow, edge) if typed else tile.shadow, tile, state, shadow)
            if tile.outline is not None:
                for color, outline in self._colored(tile.outline, tile, state, edge):
                    around = outlines.setdefault(look.outline_color(color), np.zeros_like(shadow))
                    lay(outline, tile, state, around)
            if tile.box is not None and state.spoken > 0 and (state.is_active or look.backing is Backing.MARKER):
                lay(_kept(tile.box, edge) if look.sweeps else tile.box, tile, state, box)
        for mask, color in (
            (shadow, look.shadow_color),
            (_times(box, look.backing_opacity), look.backing_color),
            *((outline, color) for color, outline in outlines.items()),
        ):
            if mask.any():
                stack.paint(mask, rgb(color))

    def _pictures(self, stack: OverlayStack, placed: Sequence[_Placed]) -> None:
        """Paint the emoji."""
        typed = self._look.entrance is Entrance.TYPE
        drawing: Mask | None = None
        for tile, state, edge in placed:
            if tile.emoji is None:
                continue
            if drawing is None:
                drawing = np.zeros((stack.height, stack.width, 4), np.uint8)
            lay(_kept(tile.emoji, edge) if typed else tile.emoji, tile, state, drawing)
        if drawing is not None:
            stack.paint_picture(drawing)

    def _letters(self, placed: Sequence[_Placed]) -> dict[str, Mask]:
        """Return the letters of each colour."""
        assert self._rect is not None
        found: dict[str, Mask] = {}
        for tile, state, edge in placed:
            pieces = self._colored(tile.letters, tile, state, edge)
            if self._look.entrance is Entrance.TYPE and state.is_active:
                pieces.append((pieces[0][0], _caret(tile, edge)))
            for color, mask in pieces:
                if color not in found:
                    found[color] = np.zeros((self._rect.height, self._rect.width), np.uint8)
                lay(mask, tile, state, found[color])
        return found

    def _colored(self, mask: Mask, tile: WordTile, state: WordState, edge: tuple[int, int]) -> list[tuple[str, Mask]]:
        """Return the visible parts of a mask of a tile, each with the colour of the letters in it."""
        look = self._look
        own = self._inks[tile.word] if tile.word is not None else look.ink
        marked = look.backing_ink or look.spoken or own
        if look.sweeps and tile.word is not None:
            color = marked if look.backing is Backing.MARKER else look.spoken or own
            return [(color, _kept(mask, edge)), (own, _kept(mask, edge, outside=True))]
        if look.entrance is Entrance.TYPE:
            return [(own, _kept(mask, edge))]
        if state.is_active:
            return [(marked if look.backing is Backing.WORD else look.spoken or own, mask)]
        return [(look.done or own if state.spoken >= 1 and tile.word is not None else own, mask)]


def _inks(look: CaptionLook, text: str, words: Sequence[CueWord]) -> list[str]:
    """Return the colour of each word while it is not spoken."""
    if look.accent is Accent.CYCLE:
        return [look.accent_colors[number % len(look.accent_colors)] for number in range(len(words))]
    inks = [look.ink] * len(words)
    if look.accent is Accent.LONGEST and words:
        lengths = [sum(map(str.isalnum, text[word.first : word.last])) for word in words]
        inks[max(range(len(words)), key=lambda number: (lengths[number], number))] = look.accent_colors[0]
    return inks


def _without_part(states: Sequence[WordState]) -> tuple[object, ...]:
    return tuple(
        (state.opacity, state.scale, state.lift, state.is_active, state.spoken > 0, state.spoken >= 1)
        for state in states
    )


def _kept(mask: Mask, edge: tuple[int, int], *, outside: bool = False) -> Mask:
    """Return a mask that is empty outside of some columns, or within them."""
    first, last = edge
    if outside:
        kept = mask.copy()
        kept[:, first:last] = 0
        return kept
    kept = np.zeros_like(mask)
    kept[:, first:last] = mask[:, first:last]
    return kept


def _caret(tile: WordTile, edge: tuple[int, int]) -> Mask:
    """Return the caret behind the last letter that is typed."""
    mask = np.zeros_like(tile.letters)
    thick = max(1, round(_CARET * tile.em))
    at = edge[1] + thick if tile.rightwards else edge[0] - 2 * thick
    middle = mask.shape[0] // 2
    mask[middle - round(0.55 * tile.em) : middle + round(0.45 * tile.em), max(0, at) : max(0, at + thick)] = 255
    return mask


def _times(mask: Mask, opacity: float) -> Mask:
    return mask if opacity >= 1 else np.asarray(cv2.convertScaleAbs(mask, alpha=opacity), np.uint8)


def _values(picture: Planes, area: Rect, *, is_light: bool) -> NDArray[np.float64]:
    """Return the brightness of every fourth pixel each way: the sRGB value, 0–1, of a grey that is as bright.

    A black shade dims a colour as it dims that grey. White lightens a saturated colour less, so that dark letters go by
    the luma, which is never higher.
    """
    rows, columns = np.arange(area.y, area.y + area.height, 4), np.arange(area.x, area.x + area.width, 4)
    rows, columns = rows[rows < picture.height], columns[columns < picture.width]
    luma = picture.y[np.ix_(rows, columns)].astype(np.int32) - 16
    if not is_light:
        return np.asarray(np.clip(luma / 219, 0.0, 1.0))
    halves = np.ix_(rows // 2, columns // 2)
    blue, red = (plane[halves].astype(np.int32) - 128 for plane in (picture.u, picture.v))
    # BT.709 in 8-bit fixed point: integers give the same result on every machine.
    parts = (298 * luma + 459 * red, 298 * luma - 55 * blue - 136 * red, 298 * luma + 541 * blue)
    lights = [table[np.clip((part + 128) >> 8, 0, 255)] for table, part in zip(_LIGHTS, parts, strict=True)]
    return np.asarray(_GREYS[lights[0] + lights[1] + lights[2]])


def _value(light: float) -> float:
    """Return the sRGB value 0–1 of a relative luminance (the inverse of WCAG's)."""
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


# The relative luminance that each value of red, green and blue adds, and the grey value of each sum, in steps.
_LIGHT_STEPS = 1 << 16
_LIGHTS = tuple(
    np.array([round(_LIGHT_STEPS * share * luminance((value / 255,) * 3)) for value in range(256)])
    for share in (0.2126, 0.7152, 0.0722)
)
_GREYS = np.array([_value(light / _LIGHT_STEPS) for light in range(_LIGHT_STEPS + 4)])
