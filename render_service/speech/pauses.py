"""Gives speech natural pauses: a model pauses too long at some places and not at all at others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from render_service.speech.kokoro import SAMPLE_RATE, Samples

SHORTEST_SECONDS, LONGEST_SECONDS = 0.2, 0.3
"""How long a pause between sentences is; no pause is longer."""
WINDOW = SAMPLE_RATE // 100
"""Samples that are loud or silent together."""
_SILENT_BELOW_DB = 45.0
# The model's lengths of punctuation marks are rough: their pauses lie around them.
_BEFORE_MARK, _AFTER_MARK = 15, 25
_FADE = SAMPLE_RATE // 200

Moved = Callable[[float], float]
"""Returns where a moment of the sound is afterwards, both in seconds from its start."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """At a sample of a pause, `samples` are inserted or, if negative, removed around it."""

    at: int
    samples: int


def silent_windows(sound: Samples) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which windows of a sound are silent: 45 dB below the loudest."""
    whole = sound[: sound.size // WINDOW * WINDOW].reshape(-1, WINDOW)
    levels = np.sqrt(np.mean(np.square(whole), axis=1)) if whole.size else np.zeros(0)
    silent: np.ndarray[tuple[int], np.dtype[np.bool_]] = levels <= levels.max(initial=0.0) * 10 ** (
        -_SILENT_BELOW_DB / 20
    )
    return silent


def with_natural_pauses(sound: Samples, sentence_ends: Sequence[float]) -> tuple[Samples, Moved]:
    """Return speech whose sentences are 200 to 300 ms apart, without longer pauses anywhere.

    Pauses are changed in the middle, with fades of 5 ms on both sides, so that nothing clicks. The silence at the start
    and the end stays as it is.

    Args:
        sound: Speech, without the silence around it.
        sentence_ends: About when sentences end, in seconds; not the last one.
    """
    edits = list(_edits(sound, sentence_ends))
    pieces: list[Samples] = []
    done = 0
    for edit in edits:
        cut = max(-edit.samples, 0)
        pieces += [_faded_out(sound[done : edit.at - cut // 2]), np.zeros(max(edit.samples, 0), np.float32)]
        done = edit.at - cut // 2 + cut
        sound = np.concatenate((sound[:done], _faded_in(sound[done:]))) if done < sound.size else sound
    pieces.append(sound[done:])

    def moved(seconds: float) -> float:
        at = seconds * SAMPLE_RATE
        for edit in reversed(edits):
            if at > edit.at:
                before = sum(one.samples for one in edits if one.at < edit.at)
                start = edit.at - max(-edit.samples, 0) // 2 + before
                return max(at + before + edit.samples, start) / SAMPLE_RATE
        return seconds

    return np.concatenate(pieces) if edits else sound, moved


def _edits(sound: Samples, sentence_ends: Sequence[float]) -> Iterator[_Edit]:
    """Yield the changes in order; they do not overlap."""
    silent = silent_windows(sound)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], silent, [False])).astype(np.int8))).reshape(-1, 2)
    pauses = {(int(first), int(last)): False for first, last in edges if first > 0 and last < silent.size}
    for end in sentence_ends:
        mark = round(end * SAMPLE_RATE / WINDOW)
        first, last = max(1, mark - _BEFORE_MARK), min(silent.size - 1, mark + _AFTER_MARK)
        near = [pause for pause in pauses if pause[0] < last and pause[1] > first]
        if near:
            pauses[max(near, key=lambda pause: pause[1] - pause[0])] = True
        elif first < last:
            quietest = first + int(np.argmin(_powers(sound)[first:last]))
            pauses[quietest, quietest] = True
    for (first, last), ends_sentence in sorted(pauses.items()):
        length = (last - first) * WINDOW
        least = round(SHORTEST_SECONDS * SAMPLE_RATE) if ends_sentence else 0
        wanted = max(least, min(length, round(LONGEST_SECONDS * SAMPLE_RATE)))
        if wanted != length:
            yield _Edit((first + last) * WINDOW // 2, wanted - length)


def _powers(sound: Samples) -> Samples:
    powers: Samples = np.mean(np.square(sound[: sound.size // WINDOW * WINDOW].reshape(-1, WINDOW)), axis=1)
    return powers


def faded(sound: Samples) -> Samples:
    """Return a sound that begins and ends at zero, without a click."""
    return _faded_in(_faded_out(sound))


def _faded_out(sound: Samples) -> Samples:
    length = min(_FADE, sound.size // 2)
    if not length:
        return sound
    return np.concatenate((sound[:-length], sound[-length:] * np.linspace(1, 0, length, dtype=np.float32)))


def _faded_in(sound: Samples) -> Samples:
    length = min(_FADE, sound.size // 2)
    if not length:
        return sound
    return np.concatenate((sound[:length] * np.linspace(0, 1, length, dtype=np.float32), sound[length:]))
