"""Sets lines of text: shaping, measuring and drawing, in any mix of scripts and directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw

from render_service.compositor.text import bidi
from render_service.compositor.text.fonts import Face, load_font, split_by_face

# The shaper refuses a line that holds the end of another; other controls have no place in a line either.
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


@dataclass(frozen=True, slots=True)
class Type:
    """How a text is set.

    Args:
        size: Em size in pixels, ≥ 1.
        weight: 100 (thin) to 900 (black).
        language: BCP 47 tag that picks the East Asian forms; may be empty.
    """

    size: int
    weight: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line that one face draws in one direction; `word` is the number of the marked word it is part of."""

    text: str
    face: Face
    rightwards: bool
    word: int | None
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """A set line: its runs from left to right, each `x` pixels from the line's left edge, and its width in pixels."""

    kind: Type
    runs: tuple[Run, ...]
    width: float


def measure(text: str, kind: Type) -> float:
    """Return the width in pixels that a text takes when set in one line; controls count as spaces."""
    line = text.translate(_CONTROLS)
    return sum(_advance(part, face, kind) for part, face in split_by_face(line, kind.language))


def set_line(text: str, kind: Type, *, base: int | None = None, words: Sequence[int | None] | None = None) -> Line:
    """Set one line.

    Args:
        text: The line in logical order; controls are set as spaces.
        kind: How to set it.
        base: Paragraph level, 0 or 1 (right to left); None takes it from the text.
        words: For each character the number of the word that it is part of, so that words can be drawn apart.

    Returns:
        The line with its runs in visual order.
    """
    text = text.translate(_CONTROLS)
    level = bidi.base_level(text) if base is None else base
    found = bidi.levels(text, level)
    pieces: list[tuple[str, Face, int, int | None]] = []
    position = 0
    for part, face in split_by_face(text, kind.language):
        for character in part:
            word = words[position] if words else None
            if pieces and pieces[-1][1:] == (face, found[position], word):
                pieces[-1] = (pieces[-1][0] + character, face, found[position], word)
            else:
                pieces.append((character, face, found[position], word))
            position += 1
    x = 0.0
    runs = []
    for number in bidi.visual_order([piece[2] for piece in pieces]):
        part, face, run_level, word = pieces[number]
        width = _advance(part, face, kind)
        runs.append(Run(part, face, run_level % 2 == 0, word, x, width))
        x += width
    return Line(kind, tuple(runs), x)


def draw_line(
    canvas: ImageDraw.ImageDraw,
    line: Line,
    x: float,
    baseline: float,
    *,
    stroke: float = 0.0,
    word: int | None = None,
) -> None:
    """Draw a line into an opacity mask.

    Args:
        canvas: Over an image of mode `L`.
        line: From `set_line`.
        x: The line's left edge in pixels.
        baseline: The baseline's distance from the top in pixels.
        stroke: Widens every glyph by this many pixels on each side.
        word: Draw only the runs of this word; None draws all.
    """
    for run in line.runs:
        if word is not None and run.word != word:
            continue
        canvas.text(
            (x + run.x, baseline),
            run.text,
            fill=255,
            font=load_font(run.face, line.kind.size, line.kind.weight),
            anchor="ls",
            stroke_width=stroke,
            direction="ltr" if run.rightwards else "rtl",
            language=line.kind.language or None,
        )


def new_mask(width: int, height: int) -> Image.Image:
    """Return an empty opacity mask."""
    return Image.new("L", (width, height))


@lru_cache(maxsize=16384)
def _advance(text: str, face: Face, kind: Type) -> float:
    return load_font(face, kind.size, kind.weight).getlength(text, language=kind.language or None)
