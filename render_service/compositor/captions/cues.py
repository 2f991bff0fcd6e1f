"""Plans cues: splits long captions, times each cue to its speech, and times the highlight of each word."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from render_service.compositor.captions.alignment import AlignedWord, align_words
from render_service.compositor.captions.layout import (
    CaptionFormat,
    caption_format,
    caption_measure,
    is_bilingual,
    max_lines,
)
from render_service.compositor.captions.recognized import stretches
from render_service.compositor.text.break_opportunities import Break, cuts_clause_short, find_breaks
from render_service.compositor.text.drawn_texts import caption_text
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import Pause
from render_service.domain.projects.timeline import Timeline, TimelineShot, frames_in
from render_service.domain.speech.speech_time import PAUSES, pause_points, reading_time


@dataclass(frozen=True, slots=True)
class CueWord:
    """A spoken word of a cue: its span in the cue's text, and the frames in which it is highlighted."""

    first: int
    last: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption shown for a span of frames.

    Args:
        shot_id: Its shot.
        start: The first frame of the video that shows it.
        end: The frame after the last.
        text: The text; line feeds only where the caller wrote them.
        words: Its spoken words in order, if their times are known.
    """

    shot_id: str
    start: int
    end: int
    text: str
    words: tuple[CueWord, ...] = ()


# A shorter cue is hard to read: the text is then split into fewer, fuller cues (5/6 s is the usual broadcast minimum).
_SHORTEST_SECONDS = 5 / 6
# How long a caption stays after its last word.
_HOLD_SECONDS = 0.6
# During shorter pauses between words the last word stays highlighted.
_PAUSE_SECONDS = 0.35
# A text that does not fit one screen is split into cues of two lines, or more where time is short.
_SPLIT_LINES, _MOST_LINES = 2, 6

# The end of one sentence and the beginning of the next read badly in one cue.
_STRADDLE_COST = 0.7


def plan_cues(
    timeline: Timeline,
    spec: RenderSpec,
    pauses: Mapping[str, Sequence[Pause]] | None = None,
    recognized: Collection[str] = (),
) -> tuple[Cue, ...]:
    """Plan all cues of a video.

    A shot's cues run from the middle of the transition in to the middle of the transition out, so that the cues of two
    shots are never on screen together. With narration audio they follow it and
    change where it pauses; with word timings they follow the words.

    Args:
        timeline: The timeline of `spec`.
        spec: The render.
        pauses: Those of the narrations, by shot id.
        recognized: The ids of the shots whose captions were recognised in their sound: no cue spans a long pause.

    Returns:
        Cues in time order that do not overlap, each at least one frame long.
    """
    fmt = caption_format(spec)
    cues: list[Cue] = []
    for planned in timeline.shots:
        text = caption_text(spec.project, planned.shot)
        if text:
            heard = _in_frames((pauses or {}).get(planned.shot_id, ()), planned, timeline.fps)
            size = (spec.output.width, spec.output.height)
            window = _window(planned)
            parts = [(text, planned, window)]
            if planned.shot_id in recognized and planned.shot.words:
                parts = list(_parts(text, planned, window, timeline.fps))
            for said, part, span in parts:
                cues += _shot_cues(said, part, timeline.fps, size, fmt, pauses=heard, window=span)
    return tuple(cues)


def _window(planned: TimelineShot) -> tuple[int, int]:
    """Return the frames that may show a shot's captions: from its first to the one after the last."""
    return planned.start + planned.overlap_in // 2, planned.end - (planned.overlap_out - planned.overlap_out // 2)


def _parts(
    text: str, planned: TimelineShot, window: tuple[int, int], fps: int
) -> Iterator[tuple[str, TimelineShot, tuple[int, int]]]:
    """Yield what is said in a shot between long pauses, the shot with these words only, and the frames that show it."""
    parts = list(stretches(text, planned.shot.words))
    starts = [planned.narration_start + frames_in(words[0].start, fps) for _, words in parts]
    for (said, words), following in zip(parts, (*starts[1:], window[1]), strict=True):
        shot = replace(planned.shot, words=tuple(words))
        yield said, replace(planned, shot=shot), (window[0], min(window[1], following))


def _shot_cues(
    text: str,
    planned: TimelineShot,
    fps: int,
    size: tuple[int, int],
    fmt: CaptionFormat,
    *,
    pauses: Sequence[tuple[int, int]],
    window: tuple[int, int],
) -> list[Cue]:
    start, end = window
    if planned.narration_frames:
        start = min(max(start, planned.narration_start), window[1] - 1)
        end = min(end, start + planned.narration_frames)
    words = align_words(text, planned.shot.words, fmt.language)
    span = (start, max(end, start + 1))
    if pauses and not words:
        inside = [pause for pause in pauses if span[0] <= pause[0] < pause[1] <= span[1]]
        clock = Clock(text, pause_points(text, span, inside, fps))
    else:
        clock = Clock(text, word_points(text, span, _anchors(words, planned, fps)))
    parts = _split(text, size, fmt, max(1, int((end - start) / fps / _SHORTEST_SECONDS)))
    starts = [clock.start_of(first) for first, _ in parts]
    ends = [clock.end_of(last) for _, last in parts]
    if not planned.narration_frames and not words:
        starts[0], ends[-1] = window
    hold = round(_HOLD_SECONDS * fps)
    cues = []
    for number, (first, last) in enumerate(parts):
        following = starts[number + 1] if number + 1 < len(parts) else window[1]
        begin = max(starts[number], window[0])
        # A cue that ends shortly before the next one stays until then: a gap of a few frames would flicker.
        finish = min(following, window[1]) if following - ends[number] <= hold else min(ends[number] + hold, window[1])
        if finish > begin:
            spoken = _cue_words(words, clock, (first, last), (begin, finish), round(_PAUSE_SECONDS * fps))
            cues.append(Cue(planned.shot_id, begin, finish, text[first:last], spoken))
    return cues


def _anchors(words: Sequence[AlignedWord], planned: TimelineShot, fps: int) -> list[tuple[int, int, int, int]]:
    """Return the words' spans in the text (first–last) and in frames (start–end), both ascending."""
    anchors = []
    latest = planned.start
    for word in words:
        start = max(latest, planned.narration_start + frames_in(word.timing.start, fps))
        latest = max(start + 1, planned.narration_start + frames_in(word.timing.end, fps))
        anchors.append((word.first, word.last, start, latest))
    return anchors


def word_points(
    text: str, span: tuple[int, int], anchors: Sequence[tuple[int, int, int, int]]
) -> list[tuple[int, int]]:
    """Return positions in a text and the frames in which they are spoken, from its start to its end."""
    points = [point for first, last, start, end in anchors for point in ((first, start), (last, end))]
    if not points:
        return [(0, span[0]), (len(text), span[1])]
    if points[0][0] > 0:
        points.insert(0, (0, min(span[0], points[0][1])))
    if points[-1][0] < len(text):
        points.append((len(text), points[-1][1]))
    return points


def _in_frames(pauses: Sequence[Pause], planned: TimelineShot, fps: int) -> list[tuple[int, int]]:
    """Return pauses of a shot's narration as frames of the video, each at least one long."""
    frames = []
    for pause in pauses:
        first = planned.narration_start + frames_in(pause.start, fps)
        frames.append((first, max(first + 1, planned.narration_start + frames_in(pause.end, fps))))
    return frames


class Clock:
    """Maps characters to frames: by the times of some, between them in proportion to reading time."""

    def __init__(self, text: str, points: Sequence[tuple[int, int]]) -> None:
        self._sums = [0.0, *accumulate(map(reading_time, text))]
        self._points = points

    def start_of(self, position: int) -> int:
        """Return the frame at which the character at `position` begins."""
        later = [frame for place, frame in self._points if place == position]
        return later[-1] if later else self._between(position)

    def end_of(self, position: int) -> int:
        """Return the frame at which the text before `position` ends."""
        earlier = [frame for place, frame in self._points if place == position]
        return earlier[0] if earlier else self._between(position)

    def _between(self, position: int) -> int:
        index = bisect_right([place for place, _ in self._points], position)
        (left, begin), (right, end) = self._points[index - 1], self._points[min(index, len(self._points) - 1)]
        whole = self._sums[right] - self._sums[left]
        share = (self._sums[position] - self._sums[left]) / whole if whole else 0.0
        return begin + round(share * (end - begin))


def _cue_words(
    words: Sequence[AlignedWord], clock: Clock, part: tuple[int, int], span: tuple[int, int], pause: int
) -> tuple[CueWord, ...]:
    inside = [word for word in words if part[0] <= word.first and word.last <= part[1]]
    result = []
    for number, word in enumerate(inside):
        start, end = clock.start_of(word.first), clock.end_of(word.last)
        if number + 1 < len(inside):
            following = clock.start_of(inside[number + 1].first)
            end = following if following - end <= pause else end
        start, end = max(start, span[0]), min(end, span[1])
        if end > start:
            result.append(CueWord(word.first - part[0], word.last - part[0], start, end))
    return tuple(result)


def _split(text: str, size: tuple[int, int], fmt: CaptionFormat, most: int) -> list[tuple[int, int]]:
    """Split a text into parts that fit the screen, at most `most` of them if fuller parts make that possible."""
    if is_bilingual(text):
        # Both languages say the same and are read together.
        return [(0, len(text))]
    width, max_width = caption_measure(text, *size, fmt)
    breaks = [*find_breaks(text, fmt.language), Break(len(text), -1.0)]
    edges = [0, *(found.position for found in breaks)]
    pieces = [width(text[a:b]) for a, b in pairwise(edges)]
    ends, forced = [_end(text, found) for found in breaks], [found.forced for found in breaks]
    chosen = _choose(ends, forced, pieces, lines=max_lines(*size), max_width=max_width)
    for lines in range(_SPLIT_LINES, _MOST_LINES + 1):
        if len(chosen) - 1 <= (1 if lines == _SPLIT_LINES else most):
            break
        chosen = _choose(ends, forced, pieces, lines=lines, max_width=max_width)
    parts = []
    for a, b in pairwise(edges[number] for number in chosen):
        part = text[a:b]
        parts.append((a + len(part) - len(part.lstrip()), a + len(part.rstrip())))
    return parts


def _choose(
    ends: Sequence[tuple[float, bool]], forced: Sequence[bool], pieces: Sequence[float], *, lines: int, max_width: float
) -> list[int]:
    """Choose the edges between cues: few cues that end with sentences or clauses, none nearly empty.

    Args:
        ends: For each edge after the first, the cost of ending a cue there, and whether a sentence ends there.
        forced: For each edge after the first, whether the line ends there.
        pieces: Widths between the edges, in pixels.
        lines: How many lines a cue has at most.
        max_width: The widest a line may be, in pixels.
    """
    size = len(ends) + 1
    best, came = [0.0] + [float("inf")] * (size - 1), [0] * size
    for first in range(size - 1):
        row, filled, used, straddles = 0.0, 1, 0.0, False
        for last in range(first + 1, size):
            piece = pieces[last - 1]
            if (last - 1 > first and forced[last - 2]) or (row and row + piece > max_width):
                filled, row = filled + 1, 0.0
            row += piece
            used += piece
            if filled > lines and last - 1 > first:
                break
            end_cost, sentence = ends[last - 1]
            fill = min(1.0, used / (lines * max_width))
            cost = 0.6 + end_cost + (_STRADDLE_COST if straddles and end_cost else 0.0) + 0.4 * (1 - fill) ** 2
            straddles = straddles or sentence
            if best[first] + cost < best[last]:
                best[last], came[last] = best[first] + cost, first
    chosen = [size - 1]
    while chosen[-1]:
        chosen.append(came[chosen[-1]])
    return chosen[::-1]


def _end(text: str, found: Break) -> tuple[float, bool]:
    """Return the cost of ending a cue at a break, and whether a sentence ends there."""
    # The last few characters decide; slicing the whole text at each break would take quadratic time.
    last = text[max(0, found.position - 8) : found.position].rstrip(' \u3000”’"」』）)»')[-1:]
    sentence = PAUSES.get(last) == 2.0
    if sentence or found.position == len(text) or found.forced:
        return 0.0, sentence
    if last in PAUSES:
        return 0.3, False
    return 1.2 + 2 * max(found.cost, 0.0) + (0.5 if cuts_clause_short(text, found.position) else 0.0), False
