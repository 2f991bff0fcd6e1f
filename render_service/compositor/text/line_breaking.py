"""Breaks a text into lines: the fewest that fit, of even lengths, at the places that read best."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from icu4py.breakers import CharacterBreaker

from render_service.compositor.text.break_opportunities import find_breaks, find_lesser_breaks, starts
from render_service.compositor.text.hyphenation import HYPHEN, hyphenates, hyphenation_points
from render_service.compositor.text.tokens import NAMES, TokenKind, find_tokens

# A place where only Unicode allows a break, a syllable, within a token, and between any two letters.
_LESSER_COST, _SYLLABLE_COST, _TOKEN_COST, _LETTER_COST = 0.8, 0.9, 1.2, 1.6


class LineSpan(NamedTuple):
    """A line: its start and end in the text, and whether a hyphen is drawn after it."""

    first: int
    last: int
    hyphenated: bool = False

    def of(self, text: str) -> str:
        """Return the line as it is drawn."""
        return text[self.first : self.last] + (HYPHEN if self.hyphenated else "")


@dataclass(frozen=True, slots=True)
class BrokenText:
    """A text in lines.

    Args:
        lines: From first to last.
        torn: Whether a URL or quantity is divided, or a word without a hyphen.
    """

    lines: tuple[LineSpan, ...]
    torn: bool

    @property
    def hyphenated(self) -> bool:
        """Whether a word is divided with a hyphen."""
        return any(line.hyphenated for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Edge:
    """A place where a line may begin: its position, its cost, and whether the line before it gets a hyphen."""

    position: int
    cost: float = 0.0
    hyphen: bool = False
    tears: bool = False


def break_lines(
    text: str, width: Callable[[str], float], max_width: float, language: str = "", *, evenness: float = 1.0
) -> BrokenText:
    """Break a text into the fewest lines that fit, balancing even lengths against good places to break.

    A piece that is wider than a line is divided where Unicode allows it, else hyphenated, else divided between two
    characters.

    Args:
        text: The text; line feeds force breaks.
        width: Returns the width in pixels of a text without line feeds.
        max_width: The widest a line may be, in pixels.
        language: BCP 47 tag, see `find_breaks`.
        evenness: Weight of even lines against good places to break; 1 suits centred text, less suits left-aligned.

    Returns:
        The lines without surrounding white space. Empty lines are dropped.
    """
    lines: list[LineSpan] = []
    start, torn = 0, False
    for part in text.split("\n"):
        trimmed = part.strip()
        if trimmed:
            offset = start + part.index(trimmed)
            broken = _break_paragraph(trimmed, width, max_width, language, evenness)
            lines += [LineSpan(offset + a, offset + b, hyphenated) for a, b, hyphenated in broken.lines]
            torn = torn or broken.torn
        start += len(part) + 1
    return BrokenText(tuple(lines), torn)


def _break_paragraph(
    text: str, width: Callable[[str], float], max_width: float, language: str, evenness: float
) -> BrokenText:
    if width(text) <= max_width:
        return BrokenText((LineSpan(0, len(text)),), torn=False)
    good = [_Edge(found.position, found.cost) for found in find_breaks(text, language)]
    edges = [_Edge(0), *_with_emergency_breaks(text, good, width, max_width, language), _Edge(len(text))]
    widths = _PieceWidths(text, edges, width)
    count = _fewest_lines(widths, len(edges), max_width)
    chosen = _balance(widths, [edge.cost / evenness for edge in edges], count, max_width)
    lines = tuple(_trimmed(text, edges[a], edges[b]) for a, b in pairwise(chosen))
    return BrokenText(lines, torn=any(edges[number].tears for number in chosen))


def _trimmed(text: str, start: _Edge, end: _Edge) -> LineSpan:
    line = text[start.position : end.position]
    return LineSpan(start.position + len(line) - len(line.lstrip()), start.position + len(line.rstrip()), end.hyphen)


class _PieceWidths:
    """Widths of the text between any two edges, from the widths of its pieces."""

    def __init__(self, text: str, edges: Sequence[_Edge], width: Callable[[str], float]) -> None:
        self._sums = [0.0]
        # What a line that ends at an edge is narrower or wider than its pieces: no blank at its end, a hyphen.
        self._ends = [0.0]
        hyphen = width(HYPHEN) if any(edge.hyphen for edge in edges) else 0.0
        for start, end in pairwise(edges):
            piece = text[start.position : end.position]
            whole = width(piece)
            blank = whole - width(piece.rstrip()) if piece[-1:].isspace() else 0.0
            self._ends.append((hyphen if end.hyphen else 0.0) - blank)
            self._sums.append(self._sums[-1] + whole)

    def between(self, first: int, last: int) -> float:
        """Return the width of a line from edge `first` to edge `last`, without trailing space, with its hyphen."""
        return self._sums[last] - self._sums[first] + self._ends[last]


def _with_emergency_breaks(
    text: str, edges: Sequence[_Edge], width: Callable[[str], float], max_width: float, language: str
) -> list[_Edge]:
    """Add breaks inside the pieces that are wider than a line: only as bad ones as are needed."""
    result = list(edges)
    for finer in (_lesser_edges, _syllable_edges, _token_edges, _letter_edges):
        bounds = [0, *(edge.position for edge in result), len(text)]
        wide = [(a, b) for a, b in pairwise(bounds) if width(text[a:b].rstrip()) > max_width]
        if not wide:
            break
        found = [edge for edge in finer(text, language) if any(a < edge.position < b for a, b in wide)]
        result = sorted((*result, *found), key=lambda edge: edge.position)
    return result


def _lesser_edges(text: str, language: str) -> Iterator[_Edge]:
    inside = _inside(text, TokenKind)
    for position in find_lesser_breaks(text, language):
        if position not in inside:
            yield _Edge(position, _LESSER_COST)


def _token_edges(text: str, language: str) -> Iterator[_Edge]:
    inside = _inside(text, TokenKind)
    for position in find_lesser_breaks(text, language):
        if position in inside:
            yield _Edge(position, _TOKEN_COST, tears=True)


def _syllable_edges(text: str, language: str) -> Iterator[_Edge]:
    names = _inside(text, NAMES)
    for position in hyphenation_points(text, language):
        if position not in names:
            yield _Edge(position, _SYLLABLE_COST, hyphen=True)


def _letter_edges(text: str, language: str) -> Iterator[_Edge]:
    del language  # Grapheme clusters are the same in all.
    names = _inside(text, NAMES)
    for position in starts(CharacterBreaker(text, "und")):
        if position:
            hyphen = position not in names and hyphenates(text[position - 1]) and hyphenates(text[position])
            yield _Edge(position, _LETTER_COST, hyphen=hyphen, tears=True)


def _inside(text: str, kinds: Iterable[TokenKind]) -> frozenset[int]:
    return frozenset(
        position
        for token in find_tokens(text)
        if token.kind in kinds
        for position in range(token.first + 1, token.last)
    )


def _fewest_lines(widths: _PieceWidths, edges: int, max_width: float) -> int:
    count, first = 1, 0
    for last in range(1, edges):
        if widths.between(first, last) > max_width and last - 1 > first:
            count += 1
            first = last - 1
    return count


def _balance(widths: _PieceWidths, costs: Sequence[float], count: int, max_width: float) -> list[int]:
    """Choose `count` lines with the least sum of squared unevenness (in line widths) and break costs."""
    size = len(costs)
    ideal = max(widths.between(0, size - 1) / count, 1.0)
    best = [[math.inf] * size for _ in range(count + 1)]
    came = [[0] * size for _ in range(count + 1)]
    best[0][0] = 0.0
    for line in range(1, count + 1):
        for last in range(1, size):
            for first in range(last - 1, -1, -1):
                length = widths.between(first, last)
                if length > max_width and last - first > 1:
                    break
                before = best[line - 1][first]
                if before == math.inf:
                    continue
                total = before + ((length - ideal) / ideal) ** 2 + costs[last]
                if total < best[line][last]:
                    best[line][last], came[line][last] = total, first
    chosen = [size - 1]
    for line in range(count, 0, -1):
        chosen.append(came[line][chosen[-1]])
    return chosen[::-1]
