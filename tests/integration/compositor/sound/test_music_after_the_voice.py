"""The music fades out when the voice has ended, not under its last words."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.projects.project import Music, Pacing
from tests.integration.compositor.mixes import RATE, Sound, mixed, shot, story, tone
from tests.integration.compositor.oracle import write_sound


def _music_level(sound: Sound, start: float) -> float:
    """Return the level in dB of the music's tone in 0.3 s of a mix."""
    part = sound[0, round(start * RATE) : round((start + 0.3) * RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(20 * np.log10(spectrum[round(2900 * 0.3) : round(3100 * 0.3)].max()))


def test_music_is_as_loud_under_the_last_words_as_before_and_ends_with_the_video(tmp_path: Path) -> None:
    music = write_sound(tmp_path / "m.wav", tone(8, 3000, 0.5))
    voice = write_sound(tmp_path / "n.wav", tone(4, 300))
    media = Media({"a": ShotMedia(narration=voice)}, music)
    spec = story(shot("a", 2), music=Music("x", 0.3))
    timeline, _, sound = mixed(spec, media, tmp_path)
    assert timeline.frames == 100 + 38  # 1.5 s are 37.5 frames
    assert _music_level(sound, 3.7) == pytest.approx(_music_level(sound, 2), abs=0.5)
    assert _music_level(sound, 5.2) < _music_level(sound, 4.7) - 6


def test_without_a_tail_it_fades_under_the_voice(tmp_path: Path) -> None:
    music = write_sound(tmp_path / "m.wav", tone(8, 3000, 0.5))
    voice = write_sound(tmp_path / "n.wav", tone(4, 300))
    spec = story(shot("a", 2), music=Music("x", 0.3))
    spec = replace(spec, project=replace(spec.project, pacing=Pacing(tail=timedelta(0))))
    _, _, sound = mixed(spec, Media({"a": ShotMedia(narration=voice)}, music), tmp_path)
    assert _music_level(sound, 3.7) < _music_level(sound, 2) - 6
