"""Edited clips show and sound as asked: the right part, speed and direction, and what follows where they are short."""

from contextlib import closing
from datetime import timedelta
from fractions import Fraction

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from render_service.compositor.drawing.edited_clips import EditedClip
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.clips import FrameFormat
from render_service.compositor.media.sound_format import SAMPLE_RATE
from render_service.compositor.sound.clip_sounds import PartReader
from render_service.compositor.sound.spec import SoundPart
from render_service.domain.projects.looks.clips import (
    ClipEdit,
    ClipFlip,
    Playback,
    ShortClip,
    playback_of,
    played_length,
)
from render_service.domain.projects.project import Fit

FPS, FRAMES = 25, 50
LENGTH = timedelta(seconds=2)
FORM = FrameFormat(64, 36, FPS, Fit.COVER)
TONE = 440.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Asset:
    """Two seconds: frame n has the luma 20 + 4 n, 16 less in its right half; a tone from its second second on."""
    path = tmp_path_factory.mktemp("clips") / "clip.mkv"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=FPS)
        sound = container.add_stream("pcm_s16le", rate=SAMPLE_RATE)
        assert isinstance(pictures, VideoStream)
        assert isinstance(sound, AudioStream)
        pictures.width, pictures.height, pictures.pix_fmt, pictures.bit_rate = 64, 36, "yuv420p", 4_000_000
        sound.layout = "stereo"
        for number in range(FRAMES):
            plane = np.full((54, 64), 128, np.uint8)
            plane[:36, :32], plane[:36, 32:] = 20 + 4 * number, 4 + 4 * number
            frame = VideoFrame.from_ndarray(plane, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(pictures.encode(frame))
        times = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
        wave = np.where(times >= 1, 12_000 * np.sin(2 * np.pi * TONE * times), 0).astype(np.int16)
        heard = AudioFrame.from_ndarray(np.repeat(wave, 2)[None, :], "s16", "stereo")
        heard.sample_rate, heard.pts, heard.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        container.mux(sound.encode(heard))
        for stream in (pictures, sound):
            container.mux(stream.encode(None))
    return Asset(path, "clip_uri", "s1")


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def shown(clip: Asset, edit: ClipEdit, frames: int, first: int = 0) -> list[int]:
    """The numbers of the clip's frames that are seen, read off their luma."""
    playback = playback_of(edit, LENGTH, frames + first, FPS)
    with closing(EditedClip(clip, FORM, playback, first=first)) as reader:
        return [round((float(np.median(reader.read().y[:, :32])) - 20) / 4) for _ in range(frames)]


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        (ClipEdit(start=seconds(0.4)), [10, 11, 12, 13]),
        (ClipEdit(start=seconds(0.4), speed=2.0), [10, 12, 14, 16]),
        (ClipEdit(speed=0.5), [0, 0, 1, 1, 2, 2]),
        (ClipEdit(start=seconds(0.4), length=seconds(0.2), reverse=True), [14, 13, 12, 11, 10, 10]),
        (ClipEdit(start=seconds(0.4), length=seconds(0.12)), [10, 11, 12, 12, 12]),
        (ClipEdit(start=seconds(0.4), length=seconds(0.12), when_short=ShortClip.LOOP), [10, 11, 12, 10, 11, 12, 10]),
        (ClipEdit(start=seconds(1.92), length=seconds(0.04), when_short=ShortClip.EXTEND), [48, 49, 49, 49]),
        (ClipEdit(length=seconds(0.12), when_short=ShortClip.SLOW), [0, 0, 1, 1, 2, 2]),
        (ClipEdit(freeze_at=seconds(0.08)), [0, 1, 2, 2, 2]),
    ],
    ids=["start", "faster", "slower", "reverse", "freeze", "loop", "extend", "slow", "freeze-at"],
)
def test_the_right_frames_are_seen(clip: Asset, edit: ClipEdit, wanted: list[int]) -> None:
    assert shown(clip, edit, len(wanted)) == wanted


@pytest.mark.parametrize("edit", [ClipEdit(reverse=True), ClipEdit(speed=1.5, when_short=ShortClip.LOOP)])
def test_a_segment_that_begins_anywhere_shows_the_same(clip: Asset, edit: ClipEdit) -> None:
    assert shown(clip, edit, 60)[23:] == shown(clip, edit, 37, first=23)


@pytest.mark.parametrize(("flip", "is_mirrored"), [(ClipFlip.HORIZONTAL, True), (ClipFlip.VERTICAL, False)])
def test_a_clip_is_mirrored(clip: Asset, flip: ClipFlip, *, is_mirrored: bool) -> None:
    with closing(EditedClip(clip, FORM, Playback(0, 1.0, FRAMES, flip=flip))) as reader:
        frame = reader.read()
    assert (float(frame.y[:, :32].mean()) < float(frame.y[:, 32:].mean())) == is_mirrored


@given(
    edit=st.builds(
        ClipEdit,
        start=st.timedeltas(seconds(0), seconds(1.9)),
        length=st.none() | st.timedeltas(seconds(0.001), seconds(5)),
        speed=st.floats(0.25, 4),
        reverse=st.booleans(),
        freeze_at=st.none() | st.timedeltas(seconds(0.01), seconds(3)),
        when_short=st.sampled_from(ShortClip),
    ),
    frames=st.integers(1, 300),
)
def test_every_frame_of_a_shot_is_a_frame_of_the_part(edit: ClipEdit, frames: int) -> None:
    playback = playback_of(edit, LENGTH, frames, FPS)
    assert all(0 <= playback.frame_of(number) < playback.frames for number in range(frames))
    assert 0.25 <= playback.speed <= 4
    # Nothing beyond the file's end is asked for, but for the rounding to frames.
    assert playback.start / 1e6 + playback.frames * playback.speed / FPS <= 2 + 1.5 * playback.speed / FPS
    assert played_length(edit, LENGTH) > timedelta(0)


def heard(clip: Asset, part: SoundPart, samples: int) -> NDArray[np.float32]:
    with PartReader(clip, part) as reader:
        return np.asarray(reader.read(samples)[0])


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_the_sound_keeps_its_pitch_at_any_speed(clip: Asset, speed: float) -> None:
    length = round(SAMPLE_RATE / speed)
    samples = heard(clip, SoundPart(SAMPLE_RATE, SAMPLE_RATE, speed), length + SAMPLE_RATE // 2)
    middle = samples[length // 4 : 3 * length // 4]
    spectrum = abs(np.fft.rfft(middle * np.hanning(middle.size)))
    assert abs(spectrum.argmax() * SAMPLE_RATE / middle.size - TONE) < 12
    # It is over where the part is.
    assert abs(samples[length + SAMPLE_RATE // 10 :]).max() < 0.01


def test_the_sound_begins_where_the_part_does_and_loops(clip: Asset) -> None:
    tenth = SAMPLE_RATE // 10
    once = heard(clip, SoundPart(SAMPLE_RATE - tenth, 2 * tenth), 5 * tenth)
    level = [float(abs(once[number * tenth : (number + 1) * tenth]).max()) for number in range(5)]
    assert [value > 0.1 for value in level] == [False, True, False, False, False]
    looped = heard(clip, SoundPart(SAMPLE_RATE - tenth, 2 * tenth, loops=True), 4 * tenth)
    np.testing.assert_array_equal(looped[2 * tenth :], looped[: 2 * tenth])
