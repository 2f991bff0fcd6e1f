"""Shapes, measures and draws lines of text in any mix of scripts and directions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from icu4py.breakers import CharacterBreaker
from PIL import Image, ImageDraw

from render_service.compositor.text import bidi
from render_service.compositor.text.break_opportunities import starts
from render_service.compositor.text.fonts import (
    COLOR_EMOJI,
    COLOR_EMOJI_SIZE,
    REGULAR_WEIGHT,
    Face,
    drawn_characters,
    family_face,
    load_font,
    split_by_face,
)
from render_service.compositor.text.tokens import NAMES, find_tokens

# The shaper rejects line ends inside a line; other control characters have no glyph either.
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


@dataclass(frozen=True, slots=True)
class LineStyle:
    """The style of a line of text.

    Args:
        size: Em size in pixels, ≥ 1.
        weight: 100 (thin) to 900 (black).
        language: BCP 47 tag that picks the East Asian forms; may be empty.
        font: Name of the font for the characters that it has; empty for the service's own.
        italic: Whether to take the letters of the font that slant, if it has such.
    """

    size: int
    weight: int
    language: str = ""
    font: str = ""
    italic: bool = False

    @property
    def face(self) -> Face | None:
        """The face for the characters that it has; None for the service's own."""
        return family_face(self.font, self.weight, italic=self.italic)


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line in one face and one direction.

    Args:
        text: The piece.
        face: Its face.
        rightwards: Whether it is read to the right.
        word: The number of the word that it belongs to, if any.
        x: Its left edge in the line, in pixels.
        width: Its width in pixels.
        place: Sorts the pieces of a line as they are read: the number of the run, and that of the letter in it.
    """

    text: str
    face: Face
    rightwards: bool
    word: int | None
    x: float
    width: float
    place: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """A laid-out line: runs from left to right, each `x` pixels from the left edge, and the whole width in pixels."""

    kind: LineStyle
    runs: tuple[Run, ...]
    width: float


def measure(text: str, kind: LineStyle) -> float:
    """Return the width in pixels of a text set in one line; control characters count as spaces."""
    line = drawn_characters(text.translate(_CONTROLS), kind.face)
    return sum(_advance(part, face, kind) for part, face in _split(line, kind))


def measure_spread(text: str, kind: LineStyle, spacing: float) -> float:
    """Return the width in pixels of a text set in one line with some pixels more after each letter; see `spread`."""
    if not spacing:
        return measure(text, kind)
    parts = _split(drawn_characters(text.translate(_CONTROLS), kind.face), kind)
    letters = sum(len(letter_starts(part)) for part, face in parts if not face.joins(part))
    return measure(text, kind) + spacing * letters


def letter_starts(text: str) -> list[int]:
    """Return where the grapheme clusters of a text begin."""
    return [*starts(CharacterBreaker(text, "und"))] if text else []


def set_line(text: str, kind: LineStyle, *, base: int | None = None, words: Sequence[int | None] | None = None) -> Line:
    """Lay out one line.

    Args:
        text: The line in logical order; control characters become spaces, characters without a glyph
            `REPLACEMENT`.
        kind: Its style.
        base: Paragraph level, 0 or 1 (right to left); None takes it from the text.
        words: For each character the number of its word, so that single words can be drawn.

    Returns:
        The line with its runs in visual order.
    """
    text = drawn_characters(text.translate(_CONTROLS), kind.face)
    level = bidi.base_level(text) if base is None else base
    names = [(token.first, token.last) for token in find_tokens(text) if token.kind in NAMES]
    found = bidi.levels(text, level, names)
    pieces: list[tuple[str, Face, int, int | None]] = []
    position = 0
    for part, face in _split(text, kind):
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
        runs.append(Run(part, face, run_level % 2 == 0, word, x, width, (number, 0)))
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
    """Draw a line into an opacity mask, without its emoji (see `emoji`).

    Args:
        canvas: Over an image of mode `L`.
        line: From `set_line`.
        x: The line's left edge in pixels.
        baseline: The baseline's distance from the top in pixels.
        stroke: Widens every glyph by this many pixels on each side.
        word: Draw only the runs of this word; None draws all.
    """
    for run in line.runs:
        if run.face == COLOR_EMOJI or (word is not None and run.word != word):
            continue
        try:
            _draw_run(canvas, run, (x + run.x, baseline), line.kind, stroke)
        except OSError:
            # The heavy outlines of some large ligatures, such as U+FDFD, are too complex for FreeType.
            _draw_run(canvas, run, (x + run.x, baseline), replace(line.kind, weight=REGULAR_WEIGHT), stroke)


def _draw_run(
    canvas: ImageDraw.ImageDraw, run: Run, place: tuple[float, float], kind: LineStyle, stroke: float
) -> None:
    canvas.text(
        place,
        run.text,
        fill=255,
        font=load_font(run.face, kind.size, kind.weight),
        anchor="ls",
        stroke_width=stroke,
        direction="ltr" if run.rightwards else "rtl",
        language=kind.language or None,
    )


def letters_of(line: Line) -> Line:
    """Return a line with a run for each grapheme cluster, in the order in which the text is read.

    Scripts with joined letters are drawn wrongly from it: it says where their letters are.
    """
    letters = []
    for run in line.runs:
        ends = [*starts(CharacterBreaker(run.text, "und")), len(run.text)]
        # Measured from the start of the run, so that letters keep their kerning.
        places = [_advance(run.text[:end], run.face, line.kind) if end else 0.0 for end in ends]
        spans = zip(ends, ends[1:], places, places[1:], strict=False)
        for number, (first, last, before, after) in enumerate(spans, run.place[1]):
            x = run.x + before if run.rightwards else run.x + run.width - after
            place = (run.place[0], number)
            letters.append(replace(run, text=run.text[first:last], x=x, width=after - before, place=place))
    return replace(line, runs=tuple(sorted(letters, key=lambda letter: letter.place)))


def spread(line: Line, spacing: float) -> Line:
    """Return a line with some pixels more after each letter; runs of scripts with joined letters stay as they are."""
    runs: list[Run] = []
    moved = 0.0
    for run in line.runs:
        if run.face.joins(run.text):
            runs.append(replace(run, x=run.x + moved))
            continue
        letters = letters_of(replace(line, runs=(run,))).runs
        for letter in letters if run.rightwards else reversed(letters):
            runs.append(replace(letter, x=letter.x + moved, width=letter.width + spacing))
            moved += spacing
    return replace(line, runs=tuple(runs), width=line.width + moved)


def new_mask(width: int, height: int) -> Image.Image:
    """Return an empty opacity mask."""
    return Image.new("L", (width, height))


def _split(text: str, kind: LineStyle) -> list[tuple[str, Face]]:
    return split_by_face(text, kind.language, kind.face)


@lru_cache(maxsize=16384)
def _advance(text: str, face: Face, kind: LineStyle) -> float:
    length = load_font(face, kind.size, kind.weight).getlength(text, language=kind.language or None)
    return length * kind.size / COLOR_EMOJI_SIZE if face == COLOR_EMOJI else length
