"""The parts of a mix are files of their own that add up to it, and the mix is as loud as its target says."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.sound.cache import SoundCache
from render_service.compositor.sound.spec import stem_file
from render_service.domain.jobs.job import AudioTrackKind, RenderSpec
from render_service.domain.projects.output import Loudness
from render_service.domain.projects.project import Music
from tests.integration.compositor.mixes import RATE, mixed, shot, speech, story, tone
from tests.integration.compositor.oracle import decoded_sound, measured, write_sound
from tests.integration.compositor.storyboards import FolderStore

SECONDS = 6
MUSIC = Music("x", 0.9)


@pytest.fixture
def media(tmp_path: Path) -> Media:
    voice = write_sound(tmp_path / "n.wav", speech(3))
    return Media({"a": ShotMedia(narration=voice)}, write_sound(tmp_path / "m.wav", tone(SECONDS, 3000, 0.9)))


def spoken(*, stems: bool, loudness: Loudness = Loudness.ONLINE, music: Music | None = MUSIC) -> RenderSpec:
    return story(shot("a", 3), shot("b", 3), music=music, loudness=loudness, stems=stems)


def test_the_parts_add_up_to_the_mix(media: Media, tmp_path: Path) -> None:
    _, facts, heard = mixed(spoken(stems=True), media, tmp_path)
    assert facts.stems == (AudioTrackKind.MIX, AudioTrackKind.NARRATION, AudioTrackKind.MUSIC)
    mix, narration, music = (decoded_sound(stem_file(tmp_path / "mixed", kind)) for kind in facts.stems)
    assert mix.shape == narration.shape == music.shape == (2, SECONDS * RATE)
    assert np.abs(narration + music - mix).max() < 1e-5
    # It is what the video plays, but for the encoder's loss.
    assert np.corrcoef(mix[0], heard[0, : mix.shape[1]])[0, 1] > 0.98
    # Over the second shot, nobody speaks.
    assert not narration[:, 3 * RATE + RATE // 10 :].any()
    under, alone = music[0, RATE : 2 * RATE], music[0, int(4.5 * RATE) : int(5 * RATE)]
    assert np.abs(under).max() < 0.5 * np.abs(alone).max()


def test_a_part_in_which_nothing_is_heard_has_no_file(media: Media, tmp_path: Path) -> None:
    _, facts, _ = mixed(spoken(stems=True, music=None), media, tmp_path)
    assert facts.stems == (AudioTrackKind.MIX, AudioTrackKind.NARRATION)
    assert {path.name for path in tmp_path.glob("*.flac")} == {"mixed-mix.flac", "mixed-narration.flac"}
    _, facts, _ = mixed(spoken(stems=True, music=None), Media(), tmp_path)
    assert (facts.silent, facts.stems) == (True, ())


def test_parts_are_cached_with_the_mix(media: Media, tmp_path: Path) -> None:
    _, facts, _ = mixed(spoken(stems=True), media, tmp_path)
    (tmp_path / "store").mkdir()
    cache = SoundCache(FolderStore(tmp_path / "store"), b"spec")
    asyncio.run(cache.put(tmp_path / "mixed", facts))
    (tmp_path / "again").mkdir()
    assert asyncio.run(cache.get(tmp_path / "again" / "mixed")) == facts
    for path in (tmp_path / "mixed", *(stem_file(tmp_path / "mixed", kind) for kind in facts.stems)):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("loudness", Loudness)
def test_the_mix_is_as_loud_as_its_target(loudness: Loudness, media: Media, tmp_path: Path) -> None:
    mixed(spoken(stems=False, loudness=loudness), media, tmp_path)
    found = measured(tmp_path / "mixed")
    assert found.integrated == pytest.approx(loudness.lufs, abs=0.5)
    assert found.true_peak <= -1
