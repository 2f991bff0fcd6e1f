"""Voices are equally loud, in the middle, and above the music; hiss is not amplified."""

from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.domain.projects.project import Music
from tests.integration.compositor.mixes import HISS, RATE, loudness_of, mixed, noise, shot, speech, story, tone
from tests.integration.compositor.oracle import write_sound


def test_hiss_is_not_amplified_to_full_loudness(tmp_path: Path) -> None:
    hiss = write_sound(tmp_path / "hiss.wav", HISS * noise(3), RATE, "-c:a", "pcm_f32le")
    for media, music in (
        (Media({"a": ShotMedia(narration=hiss)}), None),
        (Media(music=hiss), Music("x", 1.0)),
    ):
        _, facts, _ = mixed(story(shot("a", 3), music=music), media, tmp_path)
        # The encoder takes some of so faint a noise away.
        assert -69 + 20 - 3 < facts.integrated_lufs < -69 + 20 + 1
        assert facts.quiet == (str(hiss),)


def test_every_narration_is_equally_loud(tmp_path: Path) -> None:
    loud = write_sound(tmp_path / "loud.wav", speech(3))
    soft = write_sound(tmp_path / "soft.wav", np.float32(0.45) * speech(3, seed=4))
    media = Media({"a": ShotMedia(narration=loud), "b": ShotMedia(narration=soft)})
    _, facts, sound = mixed(story(shot("a", 3), shot("b", 3)), media, tmp_path)
    assert loudness_of(sound, 0, 3) == pytest.approx(loudness_of(sound, 3, 6), abs=1.5)
    assert facts.quiet == ()


def test_a_quiet_take_beside_a_normal_one_is_raised_by_the_most_allowed(tmp_path: Path) -> None:
    normal = write_sound(tmp_path / "normal.wav", tone(3))
    faint = write_sound(tmp_path / "faint.wav", np.float32(0.004) * tone(3), RATE, "-c:a", "pcm_f32le")
    media = Media({"a": ShotMedia(narration=normal), "b": ShotMedia(narration=faint)})
    _, facts, sound = mixed(story(shot("a", 3), shot("b", 3)), media, tmp_path)
    assert facts.integrated_lufs == pytest.approx(-14, abs=0.5)
    # Of 48 dB below, the normal one was lowered by some 2 dB, and this one raised by 20.
    assert loudness_of(sound, 0.2, 2.8) - loudness_of(sound, 3.2, 5.8) == pytest.approx(48 - 20 - 2, abs=3)
    assert facts.quiet == (str(faint),)


def test_the_voice_stands_out_from_loud_music(tmp_path: Path) -> None:
    music = write_sound(tmp_path / "m.wav", tone(8, 3000, 0.9))
    voice = write_sound(tmp_path / "n.wav", np.float32(0.3) * tone(4, 300))
    spec = story(shot("a", 2), shot("b", 6), music=Music("x", 1.0))
    _, _, sound = mixed(spec, Media({"b": ShotMedia(narration=voice)}, music), tmp_path)
    spectrum = np.abs(np.fft.rfft(sound[0, 3 * RATE : 4 * RATE] * np.hanning(RATE)))
    assert 20 * np.log10(spectrum[290:310].max() / spectrum[2900:3100].max()) >= 10


def test_a_voice_on_one_side_is_heard_in_the_middle(tmp_path: Path) -> None:
    sided = speech(3)
    sided[0] = 0
    voice = write_sound(tmp_path / "n.wav", sided)
    _, facts, sound = mixed(story(shot("a", 3)), Media({"a": ShotMedia(narration=voice)}), tmp_path)
    assert loudness_of(sound[:1], 0, 3) == pytest.approx(loudness_of(sound[1:], 0, 3), abs=0.1)
    assert facts.integrated_lufs == pytest.approx(-14, abs=0.5)


def test_a_voice_that_is_louder_on_one_side_stays_there(tmp_path: Path) -> None:
    leaning = speech(3) * np.array([[1.0], [0.3]], np.float32)
    voice = write_sound(tmp_path / "n.wav", leaning)
    _, _, sound = mixed(story(shot("a", 3)), Media({"a": ShotMedia(narration=voice)}), tmp_path)
    assert loudness_of(sound[:1], 0, 3) - loudness_of(sound[1:], 0, 3) == pytest.approx(10.5, abs=1)


def test_a_narration_that_begins_off_zero_begins_without_a_click(tmp_path: Path) -> None:
    at = np.arange(2 * RATE) / RATE
    wave = (0.3 * np.cos(2 * np.pi * 100 * at)).astype(np.float32)
    voice = write_sound(tmp_path / "n.wav", np.stack([wave, wave]))
    _, _, sound = mixed(story(shot("a", 1), shot("b", 2)), Media({"b": ShotMedia(narration=voice)}), tmp_path)
    steps = np.abs(np.diff(sound[0]))
    assert steps[RATE - 2000 : RATE + 2000].max() < 2 * steps[RATE + 20_000 : RATE + 40_000].max()
