"""Mel-frequency cepstral coefficients (Davis and Mermelstein 1980): the spectral shape of a sound, frame by frame."""

from functools import cache

import numpy as np

from render_service.speech.alignment.sound import FRAME, SAMPLE_RATE, Samples

COEFFICIENTS = 13
Cepstra = np.ndarray[tuple[int, int], np.dtype[np.float32]]
"""(frames, values)."""

_WINDOW = SAMPLE_RATE // 40
_POINTS = 512
_FILTERS = 26
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 7600.0
_EMPHASIS = 0.97
_BLOCK = 4096
_REACH = 2
"""Frames before and after by which a change is measured."""


def cepstra(samples: Samples) -> Cepstra:
    """Return the coefficients of a sound and their changes, each with mean 0 and deviation 1.

    Args:
        samples: A sound at 16 kHz.

    Returns:
        One row of 2 × `COEFFICIENTS` values for each 10 ms; at least one row.
    """
    emphasized = np.append(samples[:1], samples[1:] - _EMPHASIS * samples[:-1])
    count = max(1, samples.size // FRAME)
    padded = np.zeros((count - 1) * FRAME + _WINDOW, np.float32)
    half = (_WINDOW - FRAME) // 2
    body = emphasized[: padded.size - half]
    padded[half : half + body.size] = body
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::FRAME]
    blocks = [_coefficients(windows[first : first + _BLOCK]) for first in range(0, count, _BLOCK)]
    values = np.concatenate(blocks)
    edges = np.pad(values, ((_REACH, _REACH), (0, 0)), mode="edge")
    changes = sum(
        n * (edges[_REACH + n : _REACH + n + count] - edges[_REACH - n : _REACH - n + count])
        for n in range(1, _REACH + 1)
    )
    joined = np.hstack([values, changes])
    scaled: Cepstra = ((joined - joined.mean(axis=0)) / (joined.std(axis=0) + 1e-6)).astype(np.float32)
    return scaled


def _coefficients(windows: Cepstra) -> Cepstra:
    spectrum = np.square(np.abs(np.fft.rfft(windows * np.hamming(_WINDOW), _POINTS)))
    energies = np.log(spectrum @ _filters().T + 1e-8)
    values: Cepstra = (energies @ _cosines().T).astype(np.float32)
    return values


@cache
def _filters() -> Cepstra:
    """Return triangular filters, equally wide on the mel scale: (filters, bins)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, _FILTERS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_POINTS, 1 / SAMPLE_RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters: Cepstra = np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)
    return filters


@cache
def _cosines() -> Cepstra:
    """Return the discrete cosine transform of the filters' energies: (coefficients, filters)."""
    angles = np.pi * np.arange(COEFFICIENTS)[:, None] * (np.arange(_FILTERS) + 0.5) / _FILTERS
    cosines: Cepstra = np.cos(angles).astype(np.float32)
    return cosines
