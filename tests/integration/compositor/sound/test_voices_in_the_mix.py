"""Voices at 24 kHz enter the mix without images of their spectrum, equally loud however long they speak."""

from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.media.assets import Media, ShotMedia, narration_asset
from render_service.compositor.media.sounds import SoundReader
from tests.integration.compositor.mixes import RATE, Sound, mixed, shot, story
from tests.integration.compositor.oracle import measured, write_sound

VOICE_RATE = 24_000


def power_db(sound: Sound, low: float, high: float) -> float:
    """Power of a sound between two frequencies."""
    spectrum = np.abs(np.fft.rfft(sound[0] * np.hanning(sound.shape[1]))) ** 2
    frequencies = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    return float(10 * np.log10(spectrum[(frequencies >= low) & (frequencies < high)].sum()))


def test_a_voice_at_24_khz_has_no_image_above_12_khz(tmp_path: Path) -> None:
    hiss = np.random.default_rng(2).normal(0, 0.1, (1, 2 * VOICE_RATE)).astype(np.float32)
    path = write_sound(tmp_path / "n.wav", hiss, VOICE_RATE, "-c:a", "pcm_f32le")
    with SoundReader(narration_asset("a", path)) as reader:
        sound = reader.read(2 * RATE)[:, RATE // 2 : -RATE // 2]
    # The filter's edge lies around 12 kHz; an image of 10 kHz would lie at 14.
    assert power_db(sound, 12_600, 24_000) < power_db(sound, 0, 12_000) - 60


def voiced(seconds: float, pitch: float, amplitude: float) -> Sound:
    """Syllables of a humming voice at 24 kHz, one channel."""
    at = np.arange(round(seconds * VOICE_RATE)) / VOICE_RATE
    tones = sum(np.sin(2 * np.pi * pitch * number * at) / number for number in range(1, 12))
    return (amplitude * np.abs(np.sin(np.pi * 4 * at)) * tones)[None].astype(np.float32)


@pytest.mark.parametrize("seconds", [0.3, 3])
def test_voices_are_equally_loud(seconds: float, tmp_path: Path) -> None:
    loud = write_sound(tmp_path / "loud.wav", voiced(3, 110, 0.4), VOICE_RATE)
    soft = write_sound(tmp_path / "soft.wav", voiced(seconds, 220, 0.05), VOICE_RATE)
    media = Media({"a": ShotMedia(narration=loud), "b": ShotMedia(narration=soft)})
    _, _, sound = mixed(story(shot("a", 4), shot("b", 4)), media, tmp_path)
    # Repeated, as a meter hears nothing of less than 0.4 s.
    parts = [sound[:, : 3 * RATE], sound[:, 4 * RATE : round((4 + seconds) * RATE)]]
    files = [write_sound(tmp_path / f"{index}.wav", np.tile(part, 8)) for index, part in enumerate(parts)]
    heard = [measured(file).integrated for file in files]
    assert heard[0] == pytest.approx(heard[1], abs=1)
