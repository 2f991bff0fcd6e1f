"""Loudness and true peak after ITU-R BS.1770-4, measured block by block in flat memory."""

import math

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound

HOP = SAMPLE_RATE // 10  # gating blocks of 400 ms overlap by 75 %, so they begin every 100 ms
SILENCE_LUFS = -70.0  # the absolute gate: nothing below it counts

_FFT = 32_768
_TAPS = 4_096  # the K-weighting response has decayed below 1e-6 by then

_OVERSAMPLING = 4
_PHASE_TAPS = 16


def _k_weighting() -> NDArray[np.complex64]:
    """Frequency response of the two K-weighting stages, tables 1 and 2 of BS.1770-4 (48 kHz), on the grid of `_FFT`."""
    z = np.exp(-2j * np.pi * np.arange(_FFT // 2 + 1) / _FFT)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    response = np.fft.irfft(shelf * high_pass)
    response[_TAPS:] = 0.0
    return np.fft.rfft(response).astype(np.complex64)


def _interpolators() -> NDArray[np.float32]:
    """Polyphase Kaiser-windowed sinc for inter-sample peaks (BS.1770-4, annex 2): (3, `_PHASE_TAPS`)."""
    half = _PHASE_TAPS // 2
    rows = []
    for phase in range(1, _OVERSAMPLING):
        at = np.arange(-half + 1, half + 1) - phase / _OVERSAMPLING
        window = np.i0(6.0 * np.sqrt(np.clip(1 - (at / half) ** 2, 0, None))) / np.i0(6.0)
        row = np.sinc(at) * window
        rows.append(row / row.sum())
    return np.array(rows, np.float32)


_WEIGHTING = _k_weighting()
_INTERPOLATORS = _interpolators()
PEAK_CONTEXT = _PHASE_TAPS // 2
# No interpolated sample can exceed the largest sample by more than the filters' greatest absolute sum.
PEAK_BOUND = max(1.0, float(np.abs(_INTERPOLATORS).sum(axis=1).max()))


def oversampled_magnitude(sound: Sound) -> Sound:
    """Return, per sample, the largest magnitude of both channels on the fourfold oversampled curve from it to the next.

    Args:
        sound: (2, n + 2 × `PEAK_CONTEXT`) samples; the context at both ends is not part of the result.

    Returns:
        (n,) magnitudes.
    """
    count = sound.shape[1] - 2 * PEAK_CONTEXT
    highest: Sound = np.abs(sound[:, PEAK_CONTEXT : PEAK_CONTEXT + count]).max(axis=0)
    for channel in sound:
        for row in _INTERPOLATORS:
            # Sample i with phase p lies between i and i + 1; the taps reach from i - half + 1 to i + half.
            curve = np.convolve(channel, row[::-1], "valid")[1 : 1 + count]
            np.maximum(highest, np.abs(curve), out=highest)
    return highest


def to_db(gain: float) -> float:
    """Return a linear gain or magnitude in dB; −inf for 0."""
    return 20.0 * math.log10(gain) if gain > 0 else -math.inf


def from_db(db: float) -> float:
    """Return a gain in dB as a linear one."""
    return float(10.0 ** (db / 20.0))


class LoudnessMeter:
    """Measures stereo sound at 48 kHz that is fed block by block."""

    def __init__(self) -> None:
        self._pending = np.zeros((2, _TAPS), np.float32)
        self._energies: list[NDArray[np.float64]] = []
        self._rest = np.zeros(0, np.float64)
        self._tail = np.zeros((2, 2 * PEAK_CONTEXT), np.float32)
        self._peak = 0.0
        self._fed = 0
        self._weighed = 0

    def feed(self, sound: Sound) -> None:
        """Measure the next samples: (2, n), any n."""
        self._fed += sound.shape[1]
        self._feed_peak(sound)
        self._pending = np.concatenate([self._pending, sound], axis=1)
        while self._pending.shape[1] >= _FFT:
            self._weigh(self._pending[:, :_FFT], _FFT - _TAPS)
            self._pending = self._pending[:, _FFT - _TAPS :]

    def _weigh(self, window: Sound, count: int) -> None:
        """Overlap-save: of a window of `_FFT` samples those after the first `_TAPS` are filtered whole."""
        if window.any():
            filtered = np.fft.irfft(np.fft.rfft(window, axis=1) * _WEIGHTING, axis=1)[:, _TAPS : _TAPS + count]
            power = np.square(filtered, dtype=np.float64).sum(axis=0)
        else:
            power = np.zeros(count, np.float64)
        power = np.concatenate([self._rest, power])
        hops = len(power) // HOP
        self._energies.append(power[: hops * HOP].reshape(hops, HOP).sum(axis=1))
        self._rest = power[hops * HOP :]
        self._weighed += count

    def _feed_peak(self, sound: Sound) -> None:
        if not sound.size:
            return
        curve = np.concatenate([self._tail, sound], axis=1)
        self._tail = curve[:, -2 * PEAK_CONTEXT :]
        loudest = float(np.abs(curve).max())
        self._peak = max(self._peak, float(np.abs(sound).max()))
        if loudest * PEAK_BOUND > self._peak:
            self._peak = max(self._peak, float(oversampled_magnitude(curve).max(initial=0.0)))

    def integrated(self) -> float:
        """Return the gated loudness of all that was fed, in LUFS; −inf for silence or less than 400 ms."""
        meter = self._finished_energies()
        blocks = np.convolve(meter, np.ones(4), "valid") / (4 * HOP) if len(meter) >= 4 else np.zeros(0)
        loud = blocks[blocks > _energy(SILENCE_LUFS)]
        if not len(loud):
            return -math.inf
        gated = loud[loud > loud.mean() / 10.0]  # the relative gate lies 10 LU below
        return _lufs(float(gated.mean()))

    def _finished_energies(self) -> NDArray[np.float64]:
        """Energies per hop with what is still pending weighed in; does not disturb further feeding."""
        count = self._fed - self._weighed
        window = np.zeros((2, _FFT), np.float32)
        window[:, : self._pending.shape[1]] = self._pending
        kept = (self._energies.copy(), self._rest, self._weighed)
        self._weigh(window, count)
        energies = np.concatenate(self._energies)
        self._energies, self._rest, self._weighed = kept
        return energies

    def true_peak(self) -> float:
        """Return the true peak of all that was fed, in dBTP; −inf for silence."""
        last = np.concatenate([self._tail, np.zeros((2, 2 * PEAK_CONTEXT), np.float32)], axis=1)
        return to_db(max(self._peak, float(oversampled_magnitude(last).max())))


def _energy(lufs: float) -> float:
    return float(10.0 ** ((lufs + 0.691) / 10.0))


def _lufs(energy: float) -> float:
    return -0.691 + 10.0 * math.log10(energy)
