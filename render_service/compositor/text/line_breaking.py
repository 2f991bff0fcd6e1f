"""Finds where a text may be broken into lines, and chooses the breaks that read best.

East Asian text follows the kinsoku rules (JIS X 4051, GB/T 15834: no closing mark begins a line, no opening mark ends
one) and is kept whole within phrases as BudouX finds them; text with spaces breaks at spaces and hyphens.
"""

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import budoux

from render_service.compositor.text.fonts import guess_language, is_ideograph, is_wide, text_language

_NOT_FIRST = frozenset(
    "、。，．,.！？!?：；:;）)］]｝}〉》」』】〕〗〙〛’”»›…‥—～〜·・%％‰°℃℉¢′″"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ々〻ーゝゞヽヾ،؛؟۔"
)
_NOT_LAST = frozenset("（([［{｛〈《「『【〔〖〘〚‘“«‹$＄￥¥£€#＃@＠")
_SENTENCE_END = frozenset("。！？!?.…؟۔।")
_CLAUSE_END = frozenset("，、；：,;:—–،؛")
_GLUE = frozenset("\u00a0\u202f\u2007\u2060\ufeff\u200d")
_ZERO_WIDTH_SPACE, _ZERO_WIDTH_JOINER = "\u200b", "\u200d"
# Words that belong to the next one: a line that ends with one of them reads as cut off.
_LEADING_WORDS = frozenset(
    (
        *("a", "an", "the", "of", "to", "in", "on", "at", "by", "for", "from", "with", "and", "or", "but", "nor", "as"),
        *(
            "is",
            "are",
            "was",
            "were",
            "be",
            "that",
            "than",
            "into",
            "onto",
            "de",
            "la",
            "le",
            "les",
            "el",
            "los",
            "las",
        ),
        *("un", "une", "una", "des", "du", "et", "y", "der", "die", "das", "ein", "eine", "und", "oder", "im", "am"),
    )
)
# Chinese particles that belong to what stands before them.
_TRAILING_CHARACTERS = frozenset("的了着過过们們得吗嗎呢吧啊")
_LEADING_CHARACTERS = frozenset("与與和及或在从從向被把对對而但")

_PHRASE_COST = 0.35
_HYPHEN_COST = 0.08
_LEADING_COST = 0.1
_SHORT_CLAUSE_COST = 0.06
_CLAUSE_BONUS = -0.18
_SENTENCE_BONUS = -0.3


@dataclass(frozen=True, slots=True)
class Break:
    """A possible line break before the character at `position`; a higher `cost` is a worse place, 0 is neutral."""

    position: int
    cost: float
    forced: bool = False


def find_breaks(text: str, language: str = "") -> list[Break]:
    """Find the possible line breaks of a text.

    Args:
        text: The text; a line feed forces a break.
        language: BCP 47 tag; empty means guess from the text.

    Returns:
        The breaks in order of position, 0 and the text's end excluded.
    """
    phrases = _phrase_starts(text, language)
    korean = text_language(text, language).lower().startswith("ko")
    breaks = []
    for position in range(1, len(text)):
        before, after = text[position - 1], text[position]
        if before == "\n":
            breaks.append(Break(position, 0.0, forced=True))
        elif _may_break(before, after, keep_hangul=korean) or (position in phrases and _is_thai(after)):
            breaks.append(Break(position, _cost(text, position, phrases)))
    return breaks


def _may_break(before: str, after: str, *, keep_hangul: bool) -> bool:
    if after.isspace() or before in _GLUE or after in _GLUE or after in _NOT_FIRST or _attaches(after):
        return False
    if before.isspace() or before == _ZERO_WIDTH_SPACE:
        return True
    if before in _NOT_LAST:
        return False
    if before in "-‐–—/" and after.isalpha() and not is_wide(after):
        return before != "/" or after.islower()
    if keep_hangul and _is_hangul(before) and _is_hangul(after):
        return False
    return _breaks_anywhere(before) or _breaks_anywhere(after)


def _attaches(character: str) -> bool:
    marks = unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf") and character != _ZERO_WIDTH_SPACE
    return marks or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones


def _breaks_anywhere(character: str) -> bool:
    return is_wide(character) or is_ideograph(character)


def _is_hangul(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"


def _is_thai(character: str) -> bool:
    return "\u0e01" <= character <= "\u0e5b"


def _cost(text: str, position: int, phrases: frozenset[int]) -> float:
    return _local_cost(text, position, phrases) + (_SHORT_CLAUSE_COST if cuts_clause_short(text, position) else 0.0)


def _local_cost(text: str, position: int, phrases: frozenset[int]) -> float:
    head = text[max(0, position - 24) : position].rstrip()
    last = head[-1:]
    if last and last in _SENTENCE_END:
        return _SENTENCE_BONUS
    if last and (last in _CLAUSE_END or last in "”」』）)"):
        return _CLAUSE_BONUS
    if text[position - 1].isspace():
        word = head.rsplit(maxsplit=1)[-1].lower() if head else ""
        return _LEADING_COST if word in _LEADING_WORDS else 0.0
    if _breaks_anywhere(text[position - 1]) or _breaks_anywhere(text[position]):
        if position not in phrases or text[position] in _TRAILING_CHARACTERS:
            return _PHRASE_COST
        return _LEADING_COST if last in _LEADING_CHARACTERS else 0.0
    return _HYPHEN_COST


def cuts_clause_short(text: str, position: int) -> bool:
    """Return whether a break would leave only the first one or two words of a clause before it."""
    head = text[max(0, position - 12) : position].rstrip()
    reach = 4 if head and _breaks_anywhere(head[-1]) else 11
    return any(character in _SENTENCE_END or character in _CLAUSE_END for character in head[-reach:-1])


@cache
def _parser(language: str) -> budoux.Parser:
    return {
        "ja": budoux.load_default_japanese_parser,
        "zh-Hant": budoux.load_default_traditional_chinese_parser,
        "th": budoux.load_default_thai_parser,
    }.get(language, budoux.load_default_simplified_chinese_parser)()


def _phrase_starts(text: str, language: str) -> frozenset[int]:
    """Return the starts of phrases in text written without spaces."""
    guessed = guess_language(text)
    if any(_is_thai(character) for character in text):
        name = "th"
    elif guessed == "ja" or (guessed and language.lower().startswith("ja")):
        name = "ja"
    elif guessed in ("zh-Hans", "zh-Hant"):
        name = guessed
    else:
        return frozenset()
    starts = set()
    position = 0
    for phrase in _parser(name).parse(text):
        starts.add(position)
        position += len(phrase)
    return frozenset(starts)


def break_lines(
    text: str, width: Callable[[str], float], max_width: float, language: str = "", *, evenness: float = 1.0
) -> list[tuple[int, int]]:
    """Break a text into the fewest lines that fit, balancing even lengths against good places to break.

    An unbreakable piece wider than a line is broken between grapheme clusters.

    Args:
        text: The text; line feeds force breaks.
        width: Returns the width in pixels of a text without line feeds.
        max_width: The widest a line may be, in pixels.
        language: BCP 47 tag, see `find_breaks`.
        evenness: Weight of even lines against good places to break; 1 suits centred text, less suits left-aligned.

    Returns:
        For each line its start and end in the text, without surrounding white space. Empty lines are dropped.
    """
    lines = []
    start = 0
    for part in text.split("\n"):
        trimmed = part.strip()
        if trimmed:
            offset = start + part.index(trimmed)
            lines += [
                (offset + a, offset + b) for a, b in _break_paragraph(trimmed, width, max_width, language, evenness)
            ]
        start += len(part) + 1
    return lines


def _break_paragraph(
    text: str, width: Callable[[str], float], max_width: float, language: str, evenness: float
) -> list[tuple[int, int]]:
    if width(text) <= max_width:
        return [(0, len(text))]
    breaks = _with_emergency_breaks(text, find_breaks(text, language), width, max_width)
    edges = [0, *(found.position for found in breaks), len(text)]
    costs = [0.0, *(found.cost for found in breaks), 0.0]
    widths = _PieceWidths(text, edges, width)
    count = _fewest_lines(widths, len(edges), max_width)
    chosen = _balance(widths, [cost / evenness for cost in costs], count, max_width)
    lines = [(edges[a], edges[b]) for a, b in pairwise(chosen)]
    return [_trim(text, a, b) for a, b in lines]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    line = text[start:end]
    return start + len(line) - len(line.lstrip()), start + len(line.rstrip())


class _PieceWidths:
    """Widths of the text between any two edges, from the widths of its pieces."""

    def __init__(self, text: str, edges: Sequence[int], width: Callable[[str], float]) -> None:
        self._sums = [0.0]
        self._spaces = []
        for start, end in pairwise(edges):
            piece = text[start:end]
            whole = width(piece)
            self._spaces.append(whole - width(piece.rstrip()) if piece[-1:].isspace() else 0.0)
            self._sums.append(self._sums[-1] + whole)

    def between(self, first: int, last: int) -> float:
        """Return the width of a line from edge `first` to edge `last`, without trailing space."""
        return self._sums[last] - self._sums[first] - self._spaces[last - 1]


def _with_emergency_breaks(
    text: str, breaks: list[Break], width: Callable[[str], float], max_width: float
) -> list[Break]:
    edges = [0, *(found.position for found in breaks), len(text)]
    result = {found.position: found for found in breaks}
    for start, end in pairwise(edges):
        if width(text[start:end].rstrip()) <= max_width:
            continue
        for position in range(start + 1, end):
            if not _attaches(text[position]) and text[position - 1] != _ZERO_WIDTH_JOINER:
                result[position] = Break(position, 1.0)
    return [result[position] for position in sorted(result)]


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
