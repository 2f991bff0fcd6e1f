"""The sound of a video: everything in its place to the frame, level as platforms want it, as long as the pictures."""

import tracemalloc
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.sound.mixing import measure_sound, packets_hash
from render_service.domain.projects.output import Container
from render_service.domain.projects.project import Music, NarrationPolicy
from render_service.domain.projects.timeline import plan_timeline
from tests.integration.compositor.mixes import (
    BURST,
    RATE,
    chirp_at,
    found_at,
    loudness_of,
    mixed,
    noise,
    plucked,
    shot,
    speech,
    story,
    tone,
)
from tests.integration.compositor.oracle import ffmpeg, measured, warnings_of_decoding, write_sound
from tests.integration.compositor.storyboards import mix


@pytest.mark.parametrize(("fps", "fade"), [(24, 0.5), (25, 0), (30, 0.5), (50, 0.5), (60, 0)])
def test_narration_is_heard_in_the_very_frame_it_is_planned_for(tmp_path: Path, fps: int, fade: float) -> None:
    narration = write_sound(tmp_path / "n.wav", chirp_at(0.25, 1))
    spec = story(shot("a", 1.3), shot("b", 2, fade), fps=fps)
    timeline, _, sound = mixed(spec, Media({"b": ShotMedia(narration=narration)}), tmp_path)
    assert found_at(sound, BURST) == pytest.approx(timeline.shots[1].narration_start / fps + 0.25, abs=0.0005)


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60])
def test_the_track_is_as_long_as_the_pictures_and_silent_where_nothing_sounds(tmp_path: Path, fps: int) -> None:
    timeline, facts, sound = mixed(story(shot("a", 1.37), fps=fps), Media(), tmp_path)
    assert facts.silent
    # FFmpeg's decoder returns whole AAC frames of 1024 samples; the file gives the length.
    assert abs(sound.shape[1] - timeline.frames * RATE // fps) < 1024
    packets = ffmpeg("-i", tmp_path / "mixed", "-map", "0:a", "-c", "copy", "-f", "framecrc", "-").decode().split()
    assert packets
    assert not sound.any()
    assert warnings_of_decoding(tmp_path / "mixed") == ""


@pytest.mark.parametrize(
    ("name", "channels", "rate", "options"),
    [
        ("mono.wav", 1, 8_000, ("-c:a", "pcm_u8")),
        ("deep.wav", 2, 96_000, ("-c:a", "pcm_s24le")),
        ("float.wav", 2, 48_000, ("-c:a", "pcm_f32le")),
        ("surround.m4a", 6, 44_100, ("-c:a", "aac")),
        ("mono.mp3", 1, 22_050, ()),
        ("stereo.mp3", 2, 44_100, ()),
        ("lossless.flac", 2, 88_200, ()),
        ("speech.opus", 1, 16_000, ("-c:a", "libopus")),
        ("music.ogg", 2, 44_100, ("-c:a", "libvorbis")),
        ("raw.aac", 2, 44_100, ("-c:a", "aac", "-f", "adts")),
        ("apple.m4a", 2, 44_100, ("-c:a", "alac")),
        ("apple.aiff", 2, 44_100, ()),
        ("music.mka", 2, 48_000, ("-c:a", "ac3")),
    ],
)
def test_sound_of_any_kind_is_heard_at_its_pitch_and_level(
    tmp_path: Path, name: str, channels: int, rate: int, options: tuple[str, ...]
) -> None:
    at = np.arange(rate * 2) / rate
    mono = 0.2 * np.sin(2 * np.pi * 1000 * at)
    path = write_sound(tmp_path / name, np.stack([mono] * channels).astype(np.float32), rate, *options)
    _, facts, sound = mixed(story(shot("a", 2)), Media({"a": ShotMedia(narration=path)}), tmp_path)
    assert facts.integrated_lufs == pytest.approx(-14, abs=0.3)
    spectrum = np.abs(np.fft.rfft(sound[0, RATE // 2 : RATE * 3 // 2]))
    assert np.argmax(spectrum) == pytest.approx(1000, abs=2)
    left, right = (np.sqrt(np.mean(np.square(channel))) for channel in sound)
    assert left == pytest.approx(right, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "gain"), [("speech", 0.5), ("speech", 3.0), ("tone", 0.3), ("tone", 3.0), ("noise", 0.2), ("noise", 1.0)]
)
def test_the_mix_is_normalised_with_its_peaks_held(tmp_path: Path, kind: str, gain: float) -> None:
    sound = {"speech": speech(4), "tone": tone(4), "noise": np.float32(0.1) * noise(4)}[kind] * np.float32(gain)
    path = write_sound(tmp_path / "n.wav", sound, RATE, "-c:a", "pcm_f32le")
    _, facts, _ = mixed(story(shot("a", 4)), Media({"a": ShotMedia(narration=path)}), tmp_path)
    oracle = measured(tmp_path / "mixed")
    assert oracle.integrated == pytest.approx(-14, abs=0.5)
    assert oracle.true_peak <= -0.95
    assert facts.integrated_lufs == pytest.approx(oracle.integrated, abs=0.1)


def test_sound_that_is_nearly_all_peaks_stays_quieter_rather_than_squashed(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "n.wav", plucked(4))
    _, facts, _ = mixed(story(shot("a", 4)), Media({"a": ShotMedia(narration=path)}), tmp_path)
    assert facts.integrated_lufs < -15
    assert facts.true_peak_dbtp <= -1


def test_music_is_looped_faded_and_ends_with_the_video(tmp_path: Path) -> None:
    music = write_sound(tmp_path / "m.wav", tone(1.0))
    fades = Music("x", 1.0, fade_in=timedelta(seconds=1), fade_out=timedelta(seconds=1))
    _, _, sound = mixed(story(shot("a", 6), music=fades), Media(music=music), tmp_path)
    middle = loudness_of(sound, 2, 4)
    assert loudness_of(sound, 4, 5) == pytest.approx(middle, abs=0.5)
    assert loudness_of(sound, 0, 0.1) < middle - 15
    assert loudness_of(sound, 5.9, 6) < middle - 15


def test_looped_music_repeats_to_the_sample(tmp_path: Path) -> None:
    music = write_sound(tmp_path / "m.wav", chirp_at(0.5, 1.0))
    spec = story(shot("a", 4), music=Music("x", 1.0, fade_in=timedelta(0), fade_out=timedelta(0)))
    _, _, sound = mixed(spec, Media(music=music), tmp_path)
    for number in range(4):
        second = sound[:, number * RATE : (number + 1) * RATE]
        assert found_at(second, BURST) == pytest.approx(0.5, abs=0.0005)


def test_music_that_is_not_looped_ends_when_it_ends(tmp_path: Path) -> None:
    music = write_sound(tmp_path / "m.wav", tone(2.0))
    spec = story(shot("a", 5), music=Music("x", 1.0, loop=False, fade_out=timedelta(seconds=0.5)))
    _, _, sound = mixed(spec, Media(music=music), tmp_path)
    assert loudness_of(sound, 1, 1.4) > -25
    assert loudness_of(sound, 2.1, 5) < -60


@pytest.mark.parametrize("duck", [True, False])
def test_music_is_ducked_under_narration_and_comes_back(tmp_path: Path, duck: bool) -> None:
    music = write_sound(tmp_path / "m.wav", tone(12, 3000))
    narration = write_sound(tmp_path / "n.wav", tone(2, 300))
    spec = story(shot("a", 4), shot("b", 4), shot("c", 4), music=Music("x", 0.5, duck=duck))
    _, _, sound = mixed(spec, Media({"b": ShotMedia(narration=narration)}, music), tmp_path)
    spectrum = [
        np.abs(np.fft.rfft(sound[0, second * RATE : (second + 1) * RATE] * np.hanning(RATE)))[2900:3100].max()
        for second in (2, 4, 8)
    ]
    before, during, after = (20 * np.log10(value) for value in spectrum)
    assert after == pytest.approx(before, abs=0.5)
    assert before - during == pytest.approx(12 if duck else 0, abs=1)


def test_narration_longer_than_its_shot_extends_it(tmp_path: Path) -> None:
    narration = write_sound(tmp_path / "n.wav", chirp_at(2.9, 3.0))
    media = Media({"a": ShotMedia(narration=narration)})
    timeline, _, sound = mixed(story(shot("a"), shot("b")), media, tmp_path)
    assert timeline.frames == 5 * 25
    assert found_at(sound, BURST) == pytest.approx(2.9, abs=0.0005)


def test_narration_longer_than_its_shot_is_trimmed(tmp_path: Path) -> None:
    narration = write_sound(tmp_path / "n.wav", tone(3.0))
    media = Media({"a": ShotMedia(narration=narration)})
    timeline, _, sound = mixed(story(shot("a"), shot("b"), policy=NarrationPolicy.TRIM), media, tmp_path)
    assert timeline.frames == 4 * 25
    assert loudness_of(sound, 1.5, 1.95) > -25
    assert loudness_of(sound, 2.03, 4) < -60


def test_narration_longer_than_its_shot_runs_on_over_the_next(tmp_path: Path) -> None:
    narration = write_sound(tmp_path / "n.wav", chirp_at(2.5, 3.0))
    media = Media({"a": ShotMedia(narration=narration)})
    timeline, _, sound = mixed(story(shot("a"), shot("b"), policy=NarrationPolicy.OVERLAP), media, tmp_path)
    assert timeline.frames == 4 * 25
    assert found_at(sound, BURST) == pytest.approx(2.5, abs=0.0005)


@pytest.fixture(scope="module")
def clip_with_late_sound(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Clips whose burst is heard 0.75 s after their first picture, although sound and picture begin apart."""
    folder = tmp_path_factory.mktemp("clips")
    made = {}
    for name, offset in (("together", 0.0), ("late", 0.4), ("early", -0.3)):
        sound = write_sound(folder / f"{name}.wav", chirp_at(0.75 - offset, 2))
        path = folder / f"{name}.mkv"
        ffmpeg(
            *("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=2"),
            *("-itsoffset", str(offset), "-i", sound, "-c:a", "pcm_s16le", path),
        )
        made[name] = path
    return made


@pytest.mark.parametrize("name", ["together", "late", "early"])
def test_the_sound_of_a_clip_stays_with_its_pictures(
    tmp_path: Path, clip_with_late_sound: Mapping[str, Path], name: str
) -> None:
    media = Media({"b": ShotMedia(clip=clip_with_late_sound[name])})
    _, _, sound = mixed(story(shot("a"), shot("b", clip=True)), media, tmp_path)
    assert found_at(sound, BURST) == pytest.approx(2.75, abs=0.002)


def test_the_sound_of_a_clip_can_be_turned_off(tmp_path: Path, clip_with_late_sound: Mapping[str, Path]) -> None:
    media = Media({"a": ShotMedia(clip=clip_with_late_sound["together"])})
    _, facts, _ = mixed(story(shot("a", clip=True, clip_sound=False)), media, tmp_path)
    assert facts.silent


def test_a_clip_without_sound_is_silent(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=1", "-pix_fmt", "yuv420p", clip)
    _, facts, _ = mixed(story(shot("a", clip=True)), Media({"a": ShotMedia(clip=clip)}), tmp_path)
    assert facts.silent


def test_sound_that_changes_its_form_midway_is_heard_throughout(tmp_path: Path) -> None:
    mono = write_sound(tmp_path / "1.aac", tone(1)[:1], RATE, "-c:a", "aac", "-f", "adts")
    stereo = write_sound(tmp_path / "2.aac", tone(1), RATE, "-ar", "44100", "-c:a", "aac", "-f", "adts")
    path = tmp_path / "both.aac"
    path.write_bytes(mono.read_bytes() + stereo.read_bytes())
    _, _, sound = mixed(story(shot("a", 2)), Media({"a": ShotMedia(narration=path)}), tmp_path)
    assert loudness_of(sound, 0.2, 0.8) > -25
    assert loudness_of(sound, 1.2, 1.8) > -25


def test_a_gap_in_the_sound_of_a_clip_stays_a_gap(tmp_path: Path) -> None:
    parts = [write_sound(tmp_path / f"{number}.wav", chirp_at(0.1, 0.5)) for number in range(2)]
    clip = tmp_path / "clip.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=2.5", "-i", parts[0], "-i", parts[1]),
        *("-filter_complex", "[1:a][2:a]concat=n=2:v=0:a=1,asetpts='PTS+if(gte(T,0.5),0.7,0)/TB'[s]"),
        *("-map", "0:v", "-map", "[s]", "-c:a", "pcm_s16le", clip),
    )
    _, _, sound = mixed(story(shot("a", 2.5, clip=True)), Media({"a": ShotMedia(clip=clip)}), tmp_path)
    assert found_at(sound[:, : RATE // 2], BURST) == pytest.approx(0.1, abs=0.002)
    assert found_at(sound[:, RATE:], BURST) + 1 == pytest.approx(1.3, abs=0.002)


def test_webm_gets_opus_with_the_same_timing(tmp_path: Path) -> None:
    narration = write_sound(tmp_path / "n.wav", chirp_at(0.25, 1))
    spec = story(shot("a", 1.3), shot("b"), container=Container.WEBM)
    timeline, _, sound = mixed(spec, Media({"b": ShotMedia(narration=narration)}), tmp_path)
    assert found_at(sound, BURST) == pytest.approx(timeline.shots[1].narration_start / 25 + 0.25, abs=0.001)
    assert warnings_of_decoding(tmp_path / "mixed") == ""


def test_the_same_mix_gives_the_same_bytes(tmp_path: Path) -> None:
    narration = write_sound(tmp_path / "n.wav", speech(2))
    media = Media({"a": ShotMedia(narration=narration)})
    digests = {mixed(story(shot("a")), media, tmp_path)[1].packets for _ in range(2)}
    assert digests == {packets_hash(tmp_path / "mixed")}
    assert measure_sound(tmp_path / "mixed").packets in digests


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    music = write_sound(tmp_path / "m.wav", tone(5))
    peaks = []
    for seconds in (5, 15):
        spec = story(shot("a", seconds), music=Music("x"))
        timeline = plan_timeline(spec.project, spec.output.fps, {})
        tracemalloc.start()
        mix(timeline, spec, Media(music=music), tmp_path / "mixed")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.1
    assert peaks[1] < 40_000_000
