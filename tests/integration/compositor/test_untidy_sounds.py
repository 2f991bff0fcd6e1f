"""Sound that is not tidy is heard as it is meant, or refused by name: headers, clocks, channels, samples, tags."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.audio.frame import AudioFrame

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import AssetFault, Media, MediaLimits, ShotMedia, narration_asset
from render_service.compositor.media.probing import probe_sound
from render_service.compositor.media.resampling import Resampler
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.media.sounds import SoundReader, decode_sound
from render_service.domain.errors import RenderFailure
from render_service.domain.projects.project import Shot
from render_service.domain.warning import WarningCode
from tests.integration.compositor.inspecting import inspected
from tests.integration.compositor.oracle import Sound, ffmpeg, write_sound
from tests.integration.compositor.storyboards import composed, photo, spec_of

RATE = 16_000


def tone(seconds: float, rate: int = RATE, frequency: int = 440) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def wav(path: Path, samples: np.ndarray, sizes: tuple[int, int] | None = None, rate: int = RATE, tag: int = 1) -> Path:
    """Write (n,) or (n, channels) samples as 16-bit (tag 1) or float (tag 3) WAV, with other sizes in its header."""
    data = samples.astype("<f4").tobytes() if tag == 3 else (samples * 32767).astype("<i2").tobytes()
    channels, width = samples.shape[1] if samples.ndim == 2 else 1, 4 if tag == 3 else 2
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * width * channels, width * channels, 8 * width)
    whole, part = sizes or (36 + len(data), len(data))
    head = b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + struct.pack("<I", 16) + form
    path.write_bytes(head + b"data" + struct.pack("<I", part) + data)
    return path


def decoded(path: Path) -> Sound:
    return np.concatenate([*decode_sound(narration_asset("opening", path))], axis=1)


@pytest.mark.parametrize(
    "sizes",
    [
        (0xFFFF_FFFF, 0xFFFF_FFFF),
        (0, 0),
        (0x7FFF_F024, 0x7FFF_F000),
        (2_000_000_036, 2_000_000_000),
        (0x8000_0024, 0x8000_0000),
        (36 + 64_000, 0xFFFF_FFFF),
        (0xFFFF_FFFF, 64_000),
        (0x7FFF_FFFF, 0x7FFF_FFDB),
    ],
)
def test_placeholders_for_a_wavs_length_are_not_believed(tmp_path: Path, sizes: tuple[int, int]) -> None:
    path = wav(tmp_path / "sound.wav", tone(2), sizes)
    assert probe_sound(narration_asset("opening", path)).total_seconds() == 2


def test_a_wav_that_lost_its_end_is_refused(tmp_path: Path) -> None:
    path = wav(tmp_path / "sound.wav", tone(2))
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(RenderFailure) as caught:
        probe_sound(narration_asset("opening", path))
    assert caught.value.metadata["fault"] == AssetFault.TRUNCATED


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_become_silence_with_a_warning(tmp_path: Path, value: float) -> None:
    samples = tone(1)
    samples[5000:5003] = value
    path = wav(tmp_path / "sound.wav", samples, tag=3)
    probed = inspected(Media({"opening": ShotMedia(narration=path)}))
    found = [(warning.code, warning.shot_id) for warning in probed.warnings]
    assert found == [(WarningCode.ASSET_REPAIRED, "opening")]
    assert probed.warnings[0].message.startswith(
        "opening.narration_audio_uri: samples that are not finite numbers are silent (3)"
    )
    sound = decoded(path)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 0.2


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8, 9, 16, 60])
def test_any_number_of_channels_is_mixed_down(tmp_path: Path, channels: int) -> None:
    path = wav(tmp_path / "sound.wav", np.stack([tone(1)] * channels, axis=1))
    sound = decoded(path)
    assert sound.shape == (2, SAMPLE_RATE)
    assert 0.1 < np.abs(sound[:, 4800:-4800]).max() < 1.5


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sound.amr", "-c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k"),
        ("sound.ac3", "-c:a ac3"),
        ("sound.eac3", "-c:a eac3"),
        ("sound.au", "-c:a pcm_s16be"),
        ("sound.aiff", "-c:a pcm_s16be"),
        ("sound.caf", "-c:a alac"),
        ("sound.w64", "-c:a pcm_s16le"),
        ("sound.flac", "-c:a flac"),
        ("sound.aac", "-c:a aac"),
        ("sound.mp3", "-c:a libmp3lame"),
        ("sound.ogg", "-c:a libvorbis"),
        ("sound.opus", "-c:a libopus"),
        ("sound.wma", "-c:a wmav2"),
        ("sound.m4a", "-c:a aac"),
        ("sound.wav", "-c:a pcm_mulaw"),
        ("sound.wav", "-c:a adpcm_ms"),
        ("sound.wav", "-c:a pcm_f64le"),
    ],
)
def test_sound_files_of_every_kind_are_heard(tmp_path: Path, name: str, options: str) -> None:
    path = tmp_path / name
    ffmpeg("-v", "error", "-i", wav(tmp_path / "source.wav", tone(2)), *options.split(), path)
    assert abs(probe_sound(narration_asset("opening", path)).total_seconds() - 2) < 0.13
    assert 0.1 < np.abs(decoded(path)[:, 20_000:60_000]).max() < 0.6


@pytest.mark.parametrize("size", [0x35, 20_000])
@pytest.mark.parametrize("name", ["sound.aac", "sound.flac"])
def test_an_id3_tag_may_stand_before_other_sound_than_mp3(tmp_path: Path, name: str, size: int) -> None:
    path = tmp_path / name
    ffmpeg("-v", "error", "-i", wav(tmp_path / "source.wav", tone(2)), path)
    syncsafe = bytes(size + 10 >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\x04\x00\x00" + syncsafe + b"PRIV" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"\0\0"
    path.write_bytes(tag + b"x" * size + path.read_bytes())
    assert abs(probe_sound(narration_asset("opening", path)).total_seconds() - 2) < 0.13


@pytest.mark.parametrize(("name", "rate"), [("sound.wav", 1), ("sound.flac", 1000)])
def test_sound_of_hardly_a_sample_a_second_is_refused_before_it_fills_the_memory(
    tmp_path: Path, name: str, rate: int
) -> None:
    path = wav(tmp_path / "sound.wav", np.zeros(10_000), rate=rate)
    if name.endswith("flac"):
        path = write_sound(tmp_path / name, np.zeros((1, 10_000), np.float32), rate, "-frame_size", "4608")
    with pytest.raises(RenderFailure, match=f"sampling rate of {rate} Hz"):
        probe_sound(narration_asset("opening", path))


@pytest.mark.parametrize("name", ["loop.m4a", "loop.mp3", "loop.ogg", "loop.opus", "loop.flac", "loop.wav"])
def test_a_loop_has_no_hole_at_its_joints(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    ffmpeg("-v", "error", "-i", wav(tmp_path / "source.wav", tone(2, 44_100, 500), rate=44_100), "-b:a", "192k", path)
    with SoundReader(narration_asset("opening", path), looped=True) as reader:
        sound = reader.read(9 * SAMPLE_RATE)[0]
    levels = np.sqrt((sound[: len(sound) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1))[10:-10]
    assert levels.min() > 0.7 * np.median(levels)


def frames(seconds: float, speed: float, jitter: float = 0.0) -> Iterator[AudioFrame]:
    """Yield frames of 20 ms whose time stamps run faster than their samples; a beep at every whole second."""
    length = RATE // 50
    for number in range(round(seconds / 0.02 / speed)):
        begin = number * 0.02 * speed
        times = begin + np.arange(length) / RATE
        beeping = np.where(times % 1 < 0.05, 0.5, 0).astype(np.float32)
        frame = AudioFrame.from_ndarray(np.stack([beeping, beeping]), "fltp", "stereo")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, 1_000_000)
        frame.pts = round((begin + jitter * (number % 2)) * 1e6)
        yield frame


# A slow drift shows after minutes, a fast one within seconds.
@pytest.mark.parametrize(
    ("seconds", "speed", "jitter"),
    [
        *((600, speed, 0.008) for speed in (1.001, 0.999)),
        *((60, speed, jitter) for speed in (1.0, 1.004, 1.2, 0.9) for jitter in (0.0, 0.008)),
    ],
)
def test_sound_stays_within_a_frame_of_its_time_stamps(seconds: int, speed: float, jitter: float) -> None:
    sound = np.concatenate([*Resampler().resample(frames(seconds, speed, jitter))], axis=1)[0]
    assert abs(sound.size / SAMPLE_RATE - seconds) < 1 / 30
    # Beeps that begin within the frame that begins a second are found where the stamps have them.
    rising = np.flatnonzero((sound[1:] > 0.25) & (sound[:-1] <= 0.25)) / SAMPLE_RATE
    late = [np.abs(rising - second).min() for second in range(1, seconds)]
    assert max(late) < 1 / 30


def test_a_broken_clock_does_not_become_hours_of_silence() -> None:
    given = [*frames(2, 1.0)]
    for frame in given[50:]:
        assert frame.pts is not None
        frame.pts += 7200 * 1_000_000
    assert sum(block.shape[1] for block in Resampler().resample(given)) == 2 * SAMPLE_RATE


def test_the_limit_of_length_holds_for_what_is_decoded(tmp_path: Path) -> None:
    path = wav(tmp_path / "sound.wav", tone(3), (0, 0))
    with pytest.raises(RenderFailure) as caught:
        probe_sound(narration_asset("opening", path), MediaLimits(seconds=2))
    assert caught.value.metadata["fault"] == AssetFault.TOO_LONG


@pytest.mark.asyncio
async def test_a_render_warns_of_samples_that_are_not_finite_and_ignores_sound_that_is_not_used(tmp_path: Path) -> None:
    samples = tone(1)
    samples[500] = np.nan
    clip = tmp_path / "clip.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "wavpack", clip)
    shots = (
        Shot("spoken", caption="", image_uri="given", narration_audio_uri="given"),
        Shot("silent", caption="", clip_uri="given", clip_sound=False),
    )
    picture = photo(tmp_path / "picture.png")
    narration = wav(tmp_path / "sound.wav", samples, tag=3)
    media = Media({"spoken": ShotMedia(image=picture, narration=narration), "silent": ShotMedia(clip=clip)})
    compositor = Compositor(processes=1)
    await compositor.start()
    try:
        video = await composed(compositor, spec_of(shots), media, tmp_path / "work")
    finally:
        await compositor.close()
    assert [warning.message.partition(":")[0] for warning in video.warnings] == ["spoken.narration_audio_uri"]
