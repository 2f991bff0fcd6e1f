"""Directions within a line of text: the implicit part of the Unicode Bidirectional Algorithm (UAX #9).

Explicit embeddings and isolates (X1–X8) are not followed; their control characters take part as boundary neutrals,
which is what X9 asks of an implementation without them. Paired brackets follow N0.
"""

import unicodedata
from collections.abc import Iterable, Sequence

_NEUTRAL = frozenset(("B", "S", "WS", "ON", "BN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
_BRACKETS = {pair[0]: pair[1] for pair in ("()", "[]", "{}", "「」", "『』", "（）", "【】", "《》", "〈〉", "［］")}
_CLOSING = {closing: opening for opening, closing in _BRACKETS.items()}


def base_level(text: str) -> int:
    """Return the paragraph level: 1 where the first strong character is written right to left, else 0 (P2, P3)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind == "L":
            return 0
        if kind in ("R", "AL"):
            return 1
    return 0


def levels(text: str, base: int, units: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Resolve the embedding level of every character of a paragraph.

    Args:
        text: One paragraph, in logical order.
        base: Its level, 0 or 1; see `base_level`.
        units: Starts and ends of parts such as `@handle` or URLs, whose signs take the direction of the part's first
            letter (a higher-level protocol, HL3), as if the part were isolated.

    Returns:
        One level per character: even is drawn left to right, odd right to left.
    """
    original = [unicodedata.bidirectional(character) or "L" for character in text]
    kinds = list(original)
    for first, last in units:
        direction = _direction(base_level(text[first:last]))
        kinds[first:last] = [kind if kind in ("L", "R", "AL", "NSM") else direction for kind in kinds[first:last]]
    kinds = _resolve_weak(kinds, base)
    _resolve_brackets(text, kinds, base)
    _resolve_neutral(kinds, base)
    result = []
    for kind in kinds:
        if base % 2:
            result.append(base if kind == "R" else base + 1)
        else:
            result.append({"L": base, "R": base + 1}.get(kind, base + 2))
    return _reset_whitespace(original, result, base)


def _direction(level: int) -> str:
    return "R" if level % 2 else "L"


def _resolve_weak(original: Sequence[str], base: int) -> list[str]:
    """W1–W7."""
    start = _direction(base)
    kinds = _resolve_marks_and_arabic(original, start)
    for position in range(1, len(kinds) - 1):  # W4
        before, after = kinds[position - 1], kinds[position + 1]
        if before == after and (
            (kinds[position] == "ES" and before == "EN") or (kinds[position] == "CS" and before in ("EN", "AN"))
        ):
            kinds[position] = before
    _spread_terminators(kinds)
    kinds = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in kinds]  # W6
    strong = start
    for position, kind in enumerate(kinds):  # W7
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[position] = "L"
    return kinds


def _resolve_marks_and_arabic(original: Sequence[str], start: str) -> list[str]:
    """W1–W3."""
    kinds = list(original)
    previous = strong = start
    for position, kind in enumerate(original):
        if kind == "NSM":
            kinds[position] = previous
        previous = kinds[position]
    for position, kind in enumerate(kinds):
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[position] = "AN"
    return ["R" if kind == "AL" else kind for kind in kinds]


def _spread_terminators(kinds: list[str]) -> None:
    """W5: a sequence of European terminators beside European numbers joins them."""
    position = 0
    while position < len(kinds):
        end = position
        while end < len(kinds) and kinds[end] == "ET":
            end += 1
        beside = (position > 0 and kinds[position - 1] == "EN") or (end < len(kinds) and kinds[end] == "EN")
        if end > position and beside:
            kinds[position:end] = ["EN"] * (end - position)
        position = max(end, position + 1)


def _strong(kind: str) -> str | None:
    """For neutrals, numbers count as right to left."""
    return {"L": "L", "R": "R", "EN": "R", "AN": "R"}.get(kind)


def _resolve_brackets(text: str, kinds: list[str], base: int) -> None:
    """N0: a bracket pair takes the direction of what it holds."""
    embedding = _direction(base)
    for opening, closing in _bracket_pairs(text, kinds):
        inside = {_strong(kind) for kind in kinds[opening + 1 : closing]} - {None}
        if not inside:
            continue
        direction = embedding
        if embedding not in inside:
            before = next((kind for kind in map(_strong, reversed(kinds[:opening])) if kind), embedding)
            direction = before if before in inside else embedding
        kinds[opening] = kinds[closing] = direction


def _bracket_pairs(text: str, kinds: Sequence[str]) -> list[tuple[int, int]]:
    """BD16."""
    pairs = []
    stack: list[tuple[str, int]] = []
    for position, character in enumerate(text):
        if kinds[position] != "ON":
            continue
        if character in _BRACKETS:
            stack.append((character, position))
        elif character in _CLOSING:
            for depth in range(len(stack) - 1, -1, -1):
                if stack[depth][0] == _CLOSING[character]:
                    pairs.append((stack[depth][1], position))
                    del stack[depth:]
                    break
    return sorted(pairs)


def _resolve_neutral(kinds: list[str], base: int) -> None:
    """N1, N2."""
    embedding = _direction(base)
    position = 0
    while position < len(kinds):
        end = position
        while end < len(kinds) and kinds[end] in _NEUTRAL:
            end += 1
        if end > position:
            before = (_strong(kinds[position - 1]) if position else None) or embedding
            after = (_strong(kinds[end]) if end < len(kinds) else None) or embedding
            kinds[position:end] = [before if before == after else embedding] * (end - position)
        position = max(end, position + 1)


def _reset_whitespace(original: Sequence[str], resolved: list[int], base: int) -> list[int]:
    """L1: separators, and the white space before them and at the end, go back to the paragraph level."""
    trailing = True
    for position in range(len(original) - 1, -1, -1):
        kind = original[position]
        if kind in ("B", "S"):
            trailing = True
        elif kind not in ("WS", "BN", "LRI", "RLI", "FSI", "PDI"):
            trailing = False
        if trailing:
            resolved[position] = base
    return resolved


def visual_order(run_levels: Sequence[int]) -> list[int]:
    """Order the runs of one line for drawing from left to right (L2).

    Args:
        run_levels: The level of each run, in logical order.

    Returns:
        The runs' numbers in visual order.
    """
    order = list(range(len(run_levels)))
    if not order:
        return order
    odd = [level for level in run_levels if level % 2]
    for level in range(max(run_levels), min(odd, default=1) - 1, -1):
        position = 0
        while position < len(order):
            end = position
            while end < len(order) and run_levels[order[end]] >= level:
                end += 1
            order[position:end] = reversed(order[position:end])
            position = max(end, position + 1)
    return order
