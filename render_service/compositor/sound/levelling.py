"""Levels single sounds before they are mixed: every narration equally loud, and louder than what lies under it."""

import math
from dataclasses import dataclass

import numpy as np

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.media.sounds import SoundReader
from render_service.compositor.sound.clip_sounds import PartReader
from render_service.compositor.sound.loudness import LoudnessMeter, from_db, to_db
from render_service.compositor.sound.spec import MOST_GAIN_DB, SoundPart

VOICE_LUFS = -14.0
"""The loudness of every narration in the mix: that of the finished video."""
VOICE_ABOVE_DB = 10.0
"""How much louder than ducked sound a narration is at least."""
_ONE_SIDED = 1e-4  # energy of the quieter channel, as a part of the other's: 40 dB below
_TOLERANCE_DB = 1.0
_BLOCK = SAMPLE_RATE
_SHORTEST = SAMPLE_RATE * 2 // 5  # BS.1770 measures blocks of 400 ms


@dataclass(frozen=True, slots=True)
class Measured:
    """A sound, measured.

    Args:
        lufs: Integrated loudness (BS.1770-4); −inf for silence.
        peak_dbtp: True peak; −inf for silence.
        only_channel: The channel that alone sounds, 0 or 1; None where both do, or neither.
    """

    lufs: float
    peak_dbtp: float
    only_channel: int | None


@dataclass(frozen=True, slots=True)
class Voice:
    """How a narration is levelled.

    Args:
        gain: Linear gain.
        lufs: Its loudness then; −inf for silence.
        only_channel: The channel that is heard on both sides; None leaves it as it is.
        is_quiet: Whether it stays clearly below `VOICE_LUFS`, as it would need more than `MOST_GAIN_DB`.
    """

    gain: float
    lufs: float
    only_channel: int | None
    is_quiet: bool


def measure(asset: Asset, samples: int, part: SoundPart | None = None) -> Measured:
    """Measure the first samples of a sound, or of a part of it.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    meter, energy, heard = LoudnessMeter(), np.zeros(2), 0
    with SoundReader(asset) if part is None else PartReader(asset, part) as reader:
        for start in range(0, samples, _BLOCK):
            block = reader.read(min(_BLOCK, samples - start))
            meter.feed(block)
            heard += block.shape[1]
            energy += np.square(block, dtype=np.float64).sum(axis=1)
            if reader.ended:
                break
    louder = int(energy.argmax())
    one_sided = energy[louder] > 0 and energy[1 - louder] <= _ONE_SIDED * energy[louder]
    lufs = meter.integrated()
    if not math.isfinite(lufs) and 0 < heard < _SHORTEST and energy.any():
        # The standard has no loudness for so short a sound: that of the sound repeated is near enough.
        lufs = -0.691 + 10 * math.log10(energy.sum() / heard)
    return Measured(lufs, meter.true_peak(), louder if one_sided else None)


def level_voice(measured: Measured, most_peak_db: float) -> Voice:
    """Decide how a narration is levelled.

    Args:
        measured: The narration.
        most_peak_db: The highest that its peaks may come to lie, in dBTP: the limiter must be able to hold them.
    """
    # On both sides, one channel has twice the energy.
    lufs = measured.lufs + (10 * math.log10(2) if measured.only_channel is not None else 0.0)
    if not math.isfinite(lufs):
        return Voice(1.0, lufs, measured.only_channel, is_quiet=False)
    wanted = VOICE_LUFS - lufs
    gain_db = min(wanted, MOST_GAIN_DB, most_peak_db - measured.peak_dbtp)
    return Voice(from_db(gain_db), lufs + gain_db, measured.only_channel, wanted > MOST_GAIN_DB + _TOLERANCE_DB)


def duck_depth(default: float, voice_lufs: float, lufs: float) -> float:
    """Return the gain of ducked sound under narration, at most the default, so that the voice stands out.

    Args:
        default: Linear gain, 0–1.
        voice_lufs: Loudness of the quietest narration in the mix.
        lufs: Loudness of the sound in the mix while it is not ducked.
    """
    if not math.isfinite(voice_lufs) or not math.isfinite(lufs):
        return default
    return min(default, from_db(voice_lufs - VOICE_ABOVE_DB - lufs))


def most_master_gain(track_gains: list[float]) -> float:
    """Return the most by which the whole mix may be amplified, so that no sound gains more than `MOST_GAIN_DB`.

    Args:
        track_gains: The linear gains by which the sounds entered the mix, > 0.
    """
    return from_db(MOST_GAIN_DB - max(map(to_db, track_gains), default=0.0))
