"""Fits what was recognised in recordings and clips to the shots in which it is heard."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from render_service.compositor.media.assets import ShotMedia
from render_service.domain.projects.project import WordTiming
from render_service.domain.projects.timeline import Timeline, TimelineShot
from render_service.domain.projects.word_times import TimingMethod

_LONG_PAUSE = timedelta(seconds=1.5)
"""After a longer pause, what is said next is not shown before it is said."""


def recognized_shots(media: Mapping[str, ShotMedia]) -> frozenset[str]:
    """Return the ids of the shots whose captions were recognised in their sound."""
    return frozenset(shot_id for shot_id, files in media.items() if files.timing is TimingMethod.RECOGNIZED)


def fit_recognized(timeline: Timeline, media: Mapping[str, ShotMedia]) -> Timeline:
    """Return a timeline whose recognised shots have those words that are heard, counted from their narration's start.

    Args:
        timeline: The timeline. The words of a clip count from the start of the clip.
        media: The files of its shots, by shot id.
    """
    fitted = recognized_shots(media)
    return replace(
        timeline,
        shots=tuple(
            _fitted(placed, media[placed.shot_id], timeline.fps) if placed.shot_id in fitted else placed
            for placed in timeline.shots
        ),
    )


def stretches(text: str, words: Sequence[WordTiming]) -> Iterator[tuple[str, Sequence[WordTiming]]]:
    """Yield the parts of a recognised text, with their words, between which nothing is said for a while.

    Args:
        text: The text.
        words: Its words; each is in the text after the one before it.
    """
    edges = [number for number, (one, two) in enumerate(pairwise(words), 1) if two.start - one.end > _LONG_PAUSE]
    begins = [begin for begin, _ in _spans(text, words)]
    for first, last in pairwise((0, *edges, len(words))):
        begin = begins[first] if first else 0
        yield text[begin : begins[last] if last < len(words) else len(text)].rstrip(), words[first:last]


@dataclass(frozen=True, slots=True)
class _Turn:
    """The words of a sound that is played once, of which those are heard that begin from `first` to before `end`."""

    words: Sequence[WordTiming]
    first: timedelta
    end: timedelta


def _fitted(placed: TimelineShot, files: ShotMedia, fps: int) -> TimelineShot:
    shot, lead = placed.shot, timedelta(seconds=placed.overlap_in / fps)
    if files.narration is None:
        turns = list(_turns(placed, lead, fps))
    else:
        turns = [_Turn(shot.words, -lead, timedelta(seconds=placed.narration_frames / fps))]
    text, spans = shot.caption or "", list(_spans(shot.caption or "", shot.words))
    heard, captions = list[WordTiming](), list[str]()
    for turn in turns:
        kept = [number for number, word in enumerate(turn.words) if turn.first <= word.start < turn.end]
        heard += [turn.words[number] for number in kept]
        if kept:
            is_whole = len(kept) == len(spans)
            captions.append(text if is_whole else text[spans[kept[0]][0] : spans[kept[-1]][1]])
    return replace(placed, shot=replace(shot, words=tuple(heard), caption=" ".join(captions)))


def _turns(placed: TimelineShot, lead: timedelta, fps: int) -> Iterator[_Turn]:
    """Yield how a shot plays the words of its clip, counted from `lead` after the shot's start: a loop more than once.

    The words of the shot count from the start of the clip's file.
    """
    playback, end = placed.playback, timedelta(seconds=placed.frames / fps) - lead
    if playback is None:
        words = (replace(word, start=word.start - lead, end=word.end - lead) for word in placed.shot.words)
        yield _Turn(tuple(words), -lead, end)
        return
    start, length = timedelta(microseconds=playback.start), timedelta(seconds=playback.frames / fps)
    for turn in range(-(-placed.frames // playback.frames) if playback.loops else 1):
        begin = turn * length - lead
        over = min(begin + length, end)
        words = (
            replace(
                word,
                start=(word.start - start) / playback.speed + begin,
                end=min((word.end - start) / playback.speed + begin, over),
            )
            for word in placed.shot.words
        )
        yield _Turn(tuple(words), begin, over)


def _spans(text: str, words: Sequence[WordTiming]) -> Iterator[tuple[int, int]]:
    """Yield where each word begins and ends in a text."""
    position = 0
    for word in words:
        begin = text.index(word.text, position)
        position = begin + len(word.text)
        yield begin, position
