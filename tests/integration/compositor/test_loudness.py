"""Loudness and true peak are those of BS.1770, checked against FFmpeg's own meter and the standard's test tones."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.sound.loudness import LoudnessMeter
from tests.integration.compositor.oracle import measured, write_sound

Sound = NDArray[np.float32]
RATE = 48_000


def tone(frequency: float, seconds: float, amplitude: float) -> Sound:
    at = np.arange(round(seconds * RATE)) / RATE
    # Without a swell the edges of a high tone would have peaks of their own.
    swell = np.minimum(1, np.minimum(at, seconds - at) * 20)
    mono = amplitude * swell * np.sin(2 * np.pi * frequency * at)
    return np.stack([mono, mono]).astype(np.float32)


def noise(seconds: float, amplitude: float, seed: int = 1) -> Sound:
    random = np.random.default_rng(seed)
    return (amplitude * random.standard_normal((2, round(seconds * RATE)))).astype(np.float32)


def meter_of(sound: Sound, block: int = 10_000) -> LoudnessMeter:
    meter = LoudnessMeter()
    for start in range(0, sound.shape[1], block):
        meter.feed(sound[:, start : start + block])
    return meter


def test_a_997_hz_tone_reads_as_the_standard_says() -> None:
    # BS.1770-4: a 997 Hz sine at 0 dBFS in one channel reads −3.01 LKFS, so −23 dBFS in both reads −23.
    assert meter_of(tone(997, 10, 10 ** (-23 / 20))).integrated() == pytest.approx(-23.0, abs=0.05)


def test_the_gates_leave_out_silence_and_quiet_parts() -> None:
    # EBU Tech 3341, case 3: −36, −23 and −36 LUFS for 10, 60 and 10 s read −23.
    loud, quiet = 10 ** (-23 / 20), 10 ** (-36 / 20)
    sound = np.concatenate([tone(1000, 10, quiet), tone(1000, 60, loud), tone(1000, 10, quiet)], axis=1)
    assert meter_of(sound).integrated() == pytest.approx(-23.0, abs=0.1)
    padded = np.pad(sound, ((0, 0), (RATE * 20, RATE * 20)))
    assert meter_of(padded).integrated() == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("case", ["noise", "low", "high", "bursts", "left", "short"])
def test_the_meter_agrees_with_ffmpeg(tmp_path: Path, case: str) -> None:
    bursts = noise(12, 0.3) * np.repeat(np.arange(12) % 3 == 0, RATE)
    sound = {
        "noise": noise(10, 0.1),
        "low": tone(55, 8, 0.8),
        "high": tone(9_000, 8, 0.25),
        "bursts": bursts.astype(np.float32),
        "left": noise(8, 0.2) * np.array([[1], [0]], np.float32),
        "short": noise(0.7, 0.2),
    }[case]
    meter = meter_of(sound)
    oracle = measured(write_sound(tmp_path / "sound.wav", sound, RATE, "-c:a", "pcm_f32le"))
    assert meter.integrated() == pytest.approx(oracle.integrated, abs=0.1)
    assert meter.true_peak() == pytest.approx(oracle.true_peak, abs=0.25)


def test_blocks_do_not_matter_and_asking_does_not_disturb() -> None:
    sound = noise(5, 0.2)
    whole = meter_of(sound, sound.shape[1])
    meter = LoudnessMeter()
    for start in range(0, sound.shape[1], 7_777):
        meter.feed(sound[:, start : start + 7_777])
        meter.integrated()
    assert meter.integrated() == pytest.approx(whole.integrated(), abs=1e-3)
    assert meter.true_peak() == pytest.approx(whole.true_peak(), abs=1e-4)


def test_silence_has_no_loudness() -> None:
    meter = meter_of(np.zeros((2, RATE), np.float32))
    assert meter.integrated() == -math.inf
    assert meter.true_peak() == -math.inf
    assert LoudnessMeter().integrated() == -math.inf
