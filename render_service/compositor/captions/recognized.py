"""Fits what was recognised in recordings and clips to the shots in which it is heard."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from render_service.compositor.media.assets import ShotMedia
from render_service.domain.projects.looks.clips import Playback
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


def _fitted(placed: TimelineShot, files: ShotMedia, fps: int) -> TimelineShot:
    shot, words, frames = placed.shot, placed.shot.words, placed.narration_frames
    if files.narration is None:
        lead = timedelta(seconds=placed.overlap_in / fps)
        words, frames = _played(words, placed.playback, lead), placed.frames - placed.overlap_in
        if placed.playback is not None:
            frames = min(frames, placed.playback.frames - placed.overlap_in)
    first = -timedelta(seconds=placed.overlap_in / fps)
    end = timedelta(seconds=frames / fps)
    kept = [number for number, word in enumerate(words) if first <= word.start < end]
    spans = list(_spans(shot.caption or "", shot.words))
    caption = (shot.caption or "")[spans[kept[0]][0] : spans[kept[-1]][1]] if kept else ""
    if len(kept) == len(words):
        caption = shot.caption or ""
    return replace(placed, shot=replace(shot, words=tuple(words[number] for number in kept), caption=caption))


def _played(words: Sequence[WordTiming], playback: Playback | None, lead: timedelta) -> tuple[WordTiming, ...]:
    """Return the words of a clip as they are heard where a part of it is played; of a loop, in its first turn."""
    start, speed = timedelta(0), 1.0
    if playback is not None:
        start, speed = timedelta(microseconds=playback.start), playback.speed
    return tuple(
        replace(word, start=(word.start - start) / speed - lead, end=(word.end - start) / speed - lead)
        for word in words
    )


def _spans(text: str, words: Sequence[WordTiming]) -> Iterator[tuple[int, int]]:
    """Yield where each word begins and ends in a text."""
    position = 0
    for word in words:
        begin = text.index(word.text, position)
        position = begin + len(word.text)
        yield begin, position
