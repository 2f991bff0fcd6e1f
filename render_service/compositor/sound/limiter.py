"""Keeps peaks under a ceiling without distortion: a gain that sinks smoothly before each peak and rises after it."""

import numpy as np

from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.sound.loudness import PEAK_BOUND, PEAK_CONTEXT, oversampled_magnitude

PEAK_CEILING_DBTP = -1.0
"""The highest true peak of finished sound."""
MOST_LIMITING_DB = 14.0
"""The most by which peaks are held down: more is audible as pumping, so such sound stays quieter instead."""
_WINDOW = SAMPLE_RATE // 100  # half a window: the gain begins to sink 20 ms before a peak, and is back 20 ms after
CONTEXT = 2 * _WINDOW + PEAK_CONTEXT


def limited(sound: Sound, gain: float, ceiling: float) -> Sound:
    """Amplify, and hold every peak under a ceiling. The result does not depend on how a long sound is cut into blocks.

    Args:
        sound: As `limiting_gain` takes it.
        gain: Linear gain, > 0.
        ceiling: The highest magnitude of the result, inter-sample peaks included, linear, > 0.

    Returns:
        (2, n) samples.
    """
    return sound[:, CONTEXT:-CONTEXT] * limiting_gain(sound, gain, ceiling)


def limiting_gain(sound: Sound, gain: float, ceiling: float) -> Sound:
    """Return the gain that each sample gets so that no peak exceeds a ceiling.

    The gain that each sample needs is held (sliding minimum) and then averaged twice over a window of the same
    length: a smooth curve that is nowhere above what any sample needs.

    Args:
        sound: (2, n + 2 × `CONTEXT`) samples: the block with what lies before and after it (silence beyond the ends).
        gain: Linear gain, > 0.
        ceiling: The highest magnitude of the result, inter-sample peaks included, linear, > 0.

    Returns:
        (n,) linear gains, at most `gain`; a single one where all are equal.
    """
    constant = np.array([gain], np.float32)
    if float(np.abs(sound).max(initial=0.0)) * gain * PEAK_BOUND <= ceiling:
        return constant
    magnitude = oversampled_magnitude(sound) * np.float32(gain)
    # A peak between two samples is held down at both of them.
    magnitude[1:] = np.maximum(magnitude[1:], magnitude[:-1])
    needed = np.minimum(1.0, ceiling / np.maximum(magnitude, np.float32(1e-9)))
    if float(needed.min()) >= 1.0:
        return constant
    held = _sliding_minimum(needed, 2 * _WINDOW + 1)
    smooth = _moving_average(_moving_average(held, _WINDOW + 1), _WINDOW + 1)
    return (smooth * np.float32(gain)).astype(np.float32)


def _sliding_minimum(values: Sound, width: int) -> Sound:
    """(n − width + 1,) minima of every `width` neighbours, by doubling."""
    reach = 1
    while reach * 2 <= width:
        values = np.minimum(values[:-reach], values[reach:])
        reach *= 2
    rest = width - reach
    return np.minimum(values[: len(values) - rest], values[rest:]) if rest else values


def _moving_average(values: Sound, width: int) -> Sound:
    sums = np.cumsum(np.concatenate([[0.0], values]), dtype=np.float64)
    averages = (sums[width:] - sums[:-width]) / width
    return np.asarray(averages, np.float32)
