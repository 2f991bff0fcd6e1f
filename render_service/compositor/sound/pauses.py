"""Finds the pauses of a voice, for captions that are to change where it pauses."""

import numpy as np

from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.domain.projects.media import Pause, pause

_WINDOW = SAMPLE_RATE // 100
# The stop before a plosive is shorter, a comma longer.
_SHORTEST_WINDOWS = 15
# A window is silent below the loud ones by this much, or a little above the quietest ones where there is noise.
_BELOW_SPEECH_DB, _ABOVE_NOISE_DB, _LEAST_BELOW_SPEECH_DB = 32.0, 8.0, 12.0
_SPEECH_PERCENTILE, _NOISE_PERCENTILE = 95, 3
_QUIETEST_DB = -100.0
_MOST_PAUSES = 5000


class PauseFinder:
    """Takes a sound block by block, and returns when it is silent."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._powers: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []

    def add(self, block: Sound) -> None:
        """Take the next samples: (2, n) at 48 kHz."""
        power = np.concatenate((self._rest, np.mean(np.square(block), axis=0, dtype=np.float32)))
        whole = power.size // _WINDOW * _WINDOW
        self._powers.append(power[:whole].reshape(-1, _WINDOW).mean(axis=1, dtype=np.float32))
        self._rest = power[whole:]

    def pauses(self) -> tuple[Pause, ...]:
        """Return the pauses of at least 0.15 s, those at the start and the end included, in order; at most 5,000."""
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0, np.float32)
        if not powers.size or not powers.any():
            return ()
        levels = np.maximum(10 * np.log10(np.maximum(powers, 1e-12)), _QUIETEST_DB)
        speech, noise = np.percentile(levels, (_SPEECH_PERCENTILE, _NOISE_PERCENTILE))
        limit = min(max(speech - _BELOW_SPEECH_DB, noise + _ABOVE_NOISE_DB), speech - _LEAST_BELOW_SPEECH_DB)
        silent = np.concatenate(([False], levels < limit, [False]))
        edges = np.flatnonzero(silent[1:] != silent[:-1]).reshape(-1, 2)
        lengths = edges[:, 1] - edges[:, 0]
        longest = np.sort(np.argsort(-lengths, kind="stable")[:_MOST_PAUSES])
        return tuple(
            pause(int(first) * _WINDOW / SAMPLE_RATE, int(last) * _WINDOW / SAMPLE_RATE)
            for first, last in edges[longest]
            if last - first >= _SHORTEST_WINDOWS
        )
