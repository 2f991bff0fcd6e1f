"""Sounds of shots and videos: heard when they should be, and giving way by their role."""

import wave
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.sound.planning import heard_assets, plan_sound
from render_service.compositor.sound.spec import SoundSpec
from render_service.compositor.sound.tracks import level_tracks, mixed
from render_service.domain.jobs.job import AudioTrackKind, RenderSpec
from render_service.domain.projects.looks.sounds import SoundClip, SoundRole, sound_field
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot, Transition, TransitionKind
from render_service.domain.projects.timeline import plan_timeline

LENGTHS = {"low": 2.0, "high": 1.0, "talk": 1.5, "click": 0.25}
TONES = {"low": 220.0, "high": 880.0, "talk": 440.0, "click": 1760.0}
TENTH = SAMPLE_RATE // 10


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asset]:
    """One tone for each name."""
    folder = tmp_path_factory.mktemp("sounds")
    found = {}
    for name, length in LENGTHS.items():
        times = np.arange(round(length * SAMPLE_RATE)) / SAMPLE_RATE
        samples = (8_000 * np.sin(2 * np.pi * TONES[name] * times)).astype("<i2")
        with wave.open(str(folder / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(samples.tobytes())
        found[name] = Asset(folder / name, "sounds[0].uri")
    return found


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def planned(project: Project, assets: dict[str, Asset]) -> SoundSpec:
    def named(sounds: tuple[SoundClip, ...]) -> dict[str, str]:
        return {sound_field(index): sound.uri for index, sound in enumerate(sounds)}

    hashes = MediaHashes(
        {shot.id: ShotHashes(layers=named(shot.sounds)) for shot in project.shots},
        layers=named(project.sounds),
        assets=assets,
    )
    output = OutputSpec(160, 90, 30, Quality.STANDARD)
    return plan_sound(plan_timeline(project, 30, {}), RenderSpec(project, output), hashes)


def shots(**sounds: tuple[SoundClip, ...]) -> tuple[Shot, ...]:
    cut = Transition(TransitionKind.CUT)
    return tuple(
        Shot(name, caption="", duration=seconds(3), transition=cut, sounds=sounds.get(name, ())) for name in ("a", "b")
    )


def levels(spec: SoundSpec, assets: dict[str, Asset], kind: AudioTrackKind) -> NDArray[np.float64]:
    """The loudness of each tenth of a second of a stem, of its left channel."""
    tracks = level_tracks(spec, heard_assets(spec, assets)).tracks[kind]
    samples = np.concatenate(list(mixed(tracks, spec.samples)), axis=1)[0]
    return np.asarray(np.sqrt(np.square(samples.reshape(-1, TENTH), dtype=np.float64).mean(axis=1)))


def heard_in(level: NDArray[np.float64]) -> list[int]:
    return [int(tenth) for tenth in np.flatnonzero(level > 0.003)]


def test_music_follows_music(assets: dict[str, Asset]) -> None:
    sounds = (
        SoundClip("low", SoundRole.MUSIC),
        SoundClip("click", start=seconds(5.5)),
        SoundClip("high", SoundRole.MUSIC),
        SoundClip("low", SoundRole.MUSIC, loop=True),
    )
    spec = planned(Project(shots=shots(), sounds=sounds), assets)
    level = levels(spec, assets, AudioTrackKind.MUSIC)
    assert heard_in(level) == list(range(60))
    first = level_tracks(spec, heard_assets(spec, assets)).tracks[AudioTrackKind.MUSIC]
    starts = [(track.span.start // TENTH, track.span.end // TENTH) for track in first]
    assert starts == [(0, 20), (20, 30), (30, 60)]
    assert heard_in(levels(spec, assets, AudioTrackKind.EFFECTS)) == [55, 56, 57]


def test_a_voice_lowers_music_and_no_effects(assets: dict[str, Asset]) -> None:
    sounds = (
        SoundClip("low", SoundRole.MUSIC, loop=True),
        SoundClip("high", SoundRole.EFFECT, loop=True),
        SoundClip("talk", SoundRole.VOICE, start=seconds(2)),
    )
    spec = planned(Project(shots=shots(), sounds=sounds), assets)
    music, effects = (levels(spec, assets, kind) for kind in (AudioTrackKind.MUSIC, AudioTrackKind.EFFECTS))
    assert music[25:33].max() < 0.5 * music[5:15].min()
    assert effects[25:33].min() == pytest.approx(effects[5:15].min(), rel=0.02)
    assert heard_in(levels(spec, assets, AudioTrackKind.NARRATION)) == list(range(20, 35))


def test_the_sounds_of_a_shot_count_from_its_start_and_may_outlast_it(assets: dict[str, Asset]) -> None:
    sounds = (
        SoundClip("low", start=seconds(2.5), offset=seconds(0.5)),
        SoundClip("high", start=seconds(0.5), duration=seconds(0.2)),
        SoundClip("click", start=seconds(1.0), duration=seconds(0.8), loop=True),
    )
    spec = planned(Project(shots=shots(a=sounds)), assets)
    level = levels(spec, assets, AudioTrackKind.EFFECTS)
    assert heard_in(level) == [5, 6, *range(10, 18), *range(25, 40)]
    later = planned(Project(shots=shots(b=sounds)), assets)
    assert heard_in(levels(later, assets, AudioTrackKind.EFFECTS)) == [35, 36, *range(40, 48), *range(55, 60)]


def test_sounds_fade_and_have_a_volume(assets: dict[str, Asset]) -> None:
    fading = SoundClip("low", volume=0.5, fade_in=seconds(0.5), fade_out=seconds(0.5))
    spec = planned(Project(shots=shots(), sounds=(fading,)), assets)
    level = levels(spec, assets, AudioTrackKind.EFFECTS)[:20]
    whole = levels(planned(Project(shots=shots(), sounds=(SoundClip("low"),)), assets), assets, AudioTrackKind.EFFECTS)
    assert (np.diff(level[:5]) > 0).all()
    assert (np.diff(level[15:]) < 0).all()
    assert level[10] == pytest.approx(0.5 * whole[10], rel=0.01)


def test_a_silent_sound_is_not_read(assets: dict[str, Asset]) -> None:
    assert planned(Project(shots=shots(), sounds=(SoundClip("low", volume=0.0),)), assets).sounds == ()
