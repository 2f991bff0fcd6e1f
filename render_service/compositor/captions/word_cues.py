"""Cuts captions into the short cues of a preset, and times each of their words."""

import math
from collections.abc import Sequence
from dataclasses import replace

from render_service.compositor.captions.cues import Clock, Cue, CueWord, word_points
from render_service.compositor.captions.layout import CaptionFormat, caption_measure, is_bilingual
from render_service.compositor.text.break_opportunities import CLAUSE_END, SENTENCE_END, find_breaks
from render_service.compositor.text.fonts import is_wide

# Scripts whose words follow each other without blanks, besides those of full width: Thai, Lao, Burmese, Khmer.
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))
# Where no times are known: the part of a cue in which its last word is over, and the most time left after it.
_OVER_PART, _OVER_SECONDS = 0.12, 0.4
# Costs of ending a cue where no clause ends, of its distance from an even share of the words, and of a lone last word.
_INSIDE_CLAUSE, _INSIDE_SENTENCE, _UNEVEN = 0.5, 0.15, 1.0


def word_cues(cue: Cue, fmt: CaptionFormat, size: tuple[int, int], fps: int) -> tuple[Cue, ...]:
    """Return the cues that a preset shows in place of one cue, with the times of all their words.

    Args:
        cue: A caption as planned without a preset. Words whose times are known keep them; the others take theirs from
            their neighbours and their length.
        fmt: A format with a preset.
        size: Width and height of the frame in pixels.
        fps: Frames a second.

    Returns:
        Cues that follow each other without a gap and together cover the time of the cue.
    """
    look = fmt.look
    assert look is not None
    if not (look.is_timed or look.words or look.accent_colors) or is_bilingual(cue.text):
        return (_capitalised(replace(cue, words=()), fmt),)
    spans = word_spans(cue.text, fmt.language)
    timed = _timed(cue, spans, fps)
    cut = _chunks(cue.text, spans, fmt, size)
    starts = [cue.start, *(timed[first].start for first, _ in cut[1:])]
    ends = [*starts[1:], cue.end]
    found = []
    for (first, last), start, end in zip(cut, starts, ends, strict=True):
        if end <= start:
            continue
        begin, after = spans[first][0], spans[last - 1][1]
        words = tuple(
            replace(word, first=word.first - begin, last=word.last - begin, end=min(word.end, end))
            for word in timed[first:last]
        )
        found.append(_capitalised(Cue(cue.shot_id, start, end, cue.text[begin:after], words), fmt))
    return tuple(found)


def word_spans(text: str, language: str) -> list[tuple[int, int]]:
    """Return where the words of a text lie, with the punctuation at them; there is at least one."""
    edges = [0]
    for found in find_breaks(text, language):
        before, after = text[found.position - 1], text[found.position : found.position + 1]
        if before.isspace() or _is_unspaced(before) or _is_unspaced(after):
            edges.append(found.position)
    spans = []
    for first, last in zip(edges, [*edges[1:], len(text)], strict=True):
        word = text[first:last]
        if word.strip():
            spans.append((first + len(word) - len(word.lstrip()), first + len(word.rstrip())))
    return spans or [(0, len(text))]


def _is_unspaced(character: str) -> bool:
    return bool(character) and (is_wide(character) or any(first <= ord(character) <= last for first, last in _UNSPACED))


def _timed(cue: Cue, spans: Sequence[tuple[int, int]], fps: int) -> list[CueWord]:
    """Return the words with the frames in which they are spoken: each begins where the one before it ends, or later."""
    anchors = [(word.first, word.last, word.start, word.end) for word in cue.words]
    length = cue.end - cue.start
    over = cue.end if anchors else cue.end - round(min(_OVER_PART * length, _OVER_SECONDS * fps))
    clock = Clock(cue.text, word_points(cue.text, (cue.start, over), anchors))
    words: list[CueWord] = []
    latest = cue.start
    for first, last in spans:
        start = min(max(latest, clock.start_of(first)), cue.end)
        end = min(max(start, clock.end_of(last)), cue.end)
        words.append(CueWord(first, last, start, end))
        latest = end
    return words


def _chunks(
    text: str, spans: Sequence[tuple[int, int]], fmt: CaptionFormat, size: tuple[int, int]
) -> list[tuple[int, int]]:
    """Divide words into cues: none with too many words or too wide, rather at the ends of clauses, and evenly."""
    look = fmt.look
    assert look is not None
    most = look.words or len(spans)
    width, longest = caption_measure(_cased(text, fmt.language) if look.uppercase else text, *size, fmt)
    widths = [width(_cased(text[a:b], fmt.language) if look.uppercase else text[a:b]) for a, b in spans]
    blank = width(" ")
    room = longest * look.lines * (1.0 if look.lines == 1 else 0.9)
    ideal = len(spans) / math.ceil(len(spans) / most)
    best, came = [0.0] + [math.inf] * len(spans), [0] * (len(spans) + 1)
    for first in range(len(spans)):
        used = -blank
        for last in range(first + 1, min(len(spans), first + most) + 1):
            used += widths[last - 1] + blank
            if used > room and last - 1 > first:
                break
            ending = text[spans[last - 1][1] - 1]
            inside = 0.0 if ending in SENTENCE_END else _INSIDE_SENTENCE if ending in CLAUSE_END else _INSIDE_CLAUSE
            uneven = abs(last - first - ideal) / ideal if look.words else 1 / (last - first)
            cost = best[first] + _UNEVEN * uneven**2 + (inside if last < len(spans) else 0.0)
            if cost < best[last]:
                best[last], came[last] = cost, first
    cut, last = [], len(spans)
    while last:
        cut.append((came[last], last))
        last = came[last]
    return cut[::-1]


def _capitalised(cue: Cue, fmt: CaptionFormat) -> Cue:
    return replace(cue, text=_cased(cue.text, fmt.language)) if fmt.look and fmt.look.uppercase else cue


def _cased(text: str, language: str) -> str:
    """Return a text in capitals, character by character, so that positions stay the same."""
    turkic = language.lower().split("-")[0] in ("tr", "az")
    return "".join("İ" if turkic and c == "i" else c.upper() if len(c.upper()) == 1 else c for c in text)
