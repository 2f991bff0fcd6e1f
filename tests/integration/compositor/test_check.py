"""The check of finished videos passes good ones and names what is wrong with bad ones."""

import dataclasses
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.media.assets import Media, ShotMedia
from render_service.compositor.sound.mixing import measure_sound
from render_service.compositor.sound.spec import SoundFacts
from render_service.compositor.verification.video import check_video
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import (
    Fit,
    Motion,
    MotionKind,
    Music,
    Project,
    Shot,
    Transition,
    TransitionKind,
)
from render_service.domain.projects.timeline import Timeline, plan_timeline
from tests.integration.compositor.oracle import ffmpeg, write_sound
from tests.integration.compositor.storyboards import mix

SIZE = (320, 180)
FPS = 25


@dataclass(frozen=True)
class Finished:
    """A finished video with all it was made from."""

    path: Path
    timeline: Timeline
    spec: RenderSpec
    media: Media
    sound: SoundFacts

    def check(self, path: Path | None = None, *, sound: bool = True) -> dict[str, object]:
        return check_video(path or self.path, self.timeline, self.spec, self.media, self.sound if sound else None)

    def fault(self, path: Path, *, sound: bool = True) -> RenderFailure:
        with pytest.raises(RenderFailure) as caught:
            self.check(path, sound=sound)
        assert caught.value.reason is ErrorReason.CHECK_FAILED
        assert str(path) not in caught.value.message
        return caught.value


def shot(shot_id: str, kind: MotionKind = MotionKind.ZOOM_IN) -> Shot:
    return Shot(
        id=shot_id,
        duration=timedelta(seconds=2),
        image_uri="https://example.com/picture.png",
        motion=Motion(kind),
        transition=Transition(TransitionKind.CUT),
    )


def encode(
    path: Path,
    source: str,
    sound: Path,
    *options: str,
    faststart: bool = True,
    pixels: str = "yuv420p",
    tags: str = "bt709:bt709:bt709:tv",
) -> Path:
    """Encode a picture source of six seconds as the service does, with a mixed sound."""
    primaries, transfer, matrix, width = tags.split(":")
    tagged = f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range={width}"
    colours = f"scale=out_color_matrix=bt709:out_range=tv,format={pixels},{tagged}"
    start = ("-movflags", "+faststart") if faststart else ()
    ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            f"{source},{colours}",
            "-f",
            "mp4",
            "-i",
            sound,
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
        ),
        *("-g", "50", "-c:a", "copy", *start, *options, path),
    )
    return path


MOVING = f"mandelbrot=s={SIZE[0]}x{SIZE[1]}:r={FPS}:start_scale=0.6:end_scale=0.1:end_pts=200,trim=end_frame=150"
STILL = f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r={FPS}:d=6,trim=end_frame=1,loop=149:1"
BLACK = f"color=black:s={SIZE[0]}x{SIZE[1]}:r={FPS}:d=6"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Three moving shots of two seconds over music."""
    folder = tmp_path_factory.mktemp("finished")
    random = np.random.default_rng(1)
    Image.fromarray(random.integers(0, 255, (90, 160, 3), np.uint8)).save(folder / "picture.png")
    noise = random.normal(0, 0.1, (2, 48_000)).astype(np.float32)
    music = write_sound(folder / "music.wav", noise)
    spec = RenderSpec(
        Project(shots=(shot("one"), shot("two"), shot("three")), music=Music("x")),
        OutputSpec(*SIZE, FPS, Quality.STANDARD),
    )
    media = Media({name: ShotMedia(image=folder / "picture.png") for name in ("one", "two", "three")}, music)
    timeline = plan_timeline(spec.project, spec.output.fps, {})
    sound = mix(timeline, spec, media, folder / "sound")
    path = encode(folder / "video.mp4", MOVING, folder / "sound")
    return Finished(path, timeline, spec, media, sound)


def sound_of(finished: Finished) -> Path:
    return finished.path.with_name("sound")


def test_a_good_video_passes_and_the_results_are_reported(finished: Finished) -> None:
    found = finished.check()
    assert found["frames"] == 150
    assert found["duration_seconds"] == 6
    assert found["faststart"] is True
    assert found["colour"] == "bt709 limited"
    assert found["silent"] is False
    assert abs(float(str(found["sound_offset_seconds"]))) < 1 / FPS
    assert float(str(found["loudness_lufs"])) == pytest.approx(-14, abs=0.5)
    assert float(str(found["true_peak_dbtp"])) <= -1
    assert finished.check(sound=False) == found


def test_a_missing_or_an_extra_frame_is_found(finished: Finished, tmp_path: Path) -> None:
    for frames in (149, 151):
        source = MOVING.replace("end_frame=150", f"end_frame={frames}")
        failure = finished.fault(encode(tmp_path / "bad.mp4", source, sound_of(finished)))
        assert failure.metadata == {"check": "frame_count", "expected": "150", "found": str(frames)}


def test_uneven_frames_are_found(finished: Finished, tmp_path: Path) -> None:
    uneven = f"{MOVING},settb=1/12800,setpts='PTS+200*gt(N,60)'"
    finer = ("-fps_mode", "passthrough", "-enc_time_base", "1/12800")
    path = encode(tmp_path / "bad.mp4", uneven, sound_of(finished), *finer)
    assert finished.fault(path).metadata["check"] == "frame_times"


def test_another_size_is_found(finished: Finished, tmp_path: Path) -> None:
    path = encode(tmp_path / "bad.mp4", f"{MOVING},scale=160:90", sound_of(finished))
    assert finished.fault(path).metadata["check"] == "frame_size"


@pytest.mark.parametrize("tags", ["bt709:unknown:bt709:tv", "bt470bg:bt709:smpte170m:tv", "bt709:bt709:bt709:pc"])
def test_missing_or_wrong_colour_tags_are_found(finished: Finished, tmp_path: Path, tags: str) -> None:
    path = encode(tmp_path / "bad.mp4", MOVING, sound_of(finished), tags=tags)
    assert finished.fault(path).metadata["check"] in ("colour_tags", "pixel_format")


def test_full_chroma_is_found(finished: Finished, tmp_path: Path) -> None:
    path = encode(tmp_path / "bad.mp4", MOVING, sound_of(finished), pixels="yuv444p")
    assert finished.fault(path).metadata["check"] == "pixel_format"


def test_an_index_at_the_end_is_found(finished: Finished, tmp_path: Path) -> None:
    path = encode(tmp_path / "bad.mp4", MOVING, sound_of(finished), faststart=False)
    assert finished.fault(path).metadata["check"] == "faststart"


def test_a_missing_sound_track_is_found(finished: Finished, tmp_path: Path) -> None:
    path = tmp_path / "bad.mp4"
    ffmpeg("-i", finished.path, "-an", "-c", "copy", "-movflags", "+faststart", path)
    assert finished.fault(path).metadata["check"] == "sound_codec"


@pytest.mark.parametrize("offset", ["0.06", "-0.06"])
def test_sound_that_is_off_by_more_than_a_frame_is_found(finished: Finished, tmp_path: Path, offset: str) -> None:
    path = tmp_path / "bad.mp4"
    inputs = ("-i", finished.path, "-itsoffset", offset, "-i", finished.path)
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "-movflags", "+faststart", path)
    assert finished.fault(path).metadata["check"] in ("sound_offset", "sound_duration")


def test_sound_that_is_too_short_is_found(finished: Finished, tmp_path: Path) -> None:
    ffmpeg("-f", "mp4", "-i", sound_of(finished), "-t", "5.5", "-c", "copy", tmp_path / "short.mp4")
    path = encode(tmp_path / "bad.mp4", MOVING, tmp_path / "short.mp4")
    assert finished.fault(path).metadata["check"] == "sound_duration"


def test_sound_that_is_too_loud_or_not_what_was_mixed_is_found(finished: Finished, tmp_path: Path) -> None:
    for gain, check in (("9dB", "true_peak"), ("-6dB", "loudness")):
        changed = tmp_path / "changed.mp4"
        ffmpeg("-f", "mp4", "-i", sound_of(finished), "-af", f"volume={gain}", "-c:a", "aac", "-b:a", "192k", changed)
        path = encode(tmp_path / "bad.mp4", MOVING, changed)
        assert finished.fault(path).metadata["check"] == check


def test_silence_in_place_of_sound_is_found(finished: Finished, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "6", "-c:a", "aac", silent)
    assert finished.fault(encode(tmp_path / "bad.mp4", MOVING, silent)).metadata["check"] == "loudness"


def black_in(start: float, end: float) -> str:
    return f"{MOVING},drawbox=color=black:t=fill:enable='between(t,{start},{end})'"


@pytest.mark.parametrize(("start", "end", "name"), [(0, 1.98, "one"), (1.99, 3.98, "two"), (3.99, 6, "three")])
def test_a_black_shot_is_found(finished: Finished, tmp_path: Path, start: float, end: float, name: str) -> None:
    failure = finished.fault(encode(tmp_path / "bad.mp4", black_in(start, end), sound_of(finished)))
    assert failure.metadata["check"] in ("black_picture", "frozen_picture")
    assert failure.metadata["shot_id"] == name


def test_a_black_shot_with_a_caption_is_found(finished: Finished, tmp_path: Path) -> None:
    caption = "drawbox=x=60:y=150:w=200:h=12:color=white:t=fill"
    path = encode(tmp_path / "bad.mp4", f"{black_in(1.99, 3.98)},{caption}", sound_of(finished))
    assert finished.fault(path).metadata == {
        "check": "black_picture",
        "expected": "the shot's picture",
        "found": "black",
        "shot_id": "two",
    }


def test_a_picture_whose_middle_is_black_may_look_black(finished: Finished, tmp_path: Path) -> None:
    # Cut to the frame's shape, only the dark middle of this tall picture is seen.
    tall = Image.new("RGB", (90, 320), (200, 180, 90))
    tall.paste((0, 0, 0), (0, 90, 90, 230))
    tall.save(tmp_path / "tall.png")
    night = with_shots(finished, MotionKind.ZOOM_IN, tmp_path / "tall.png", Fit.COVER)
    night.check(encode(tmp_path / "good.mp4", BLACK, sound_of(finished)))


def test_a_black_stretch_within_a_shot_is_found(finished: Finished, tmp_path: Path) -> None:
    failure = finished.fault(encode(tmp_path / "bad.mp4", black_in(2.4, 3.8), sound_of(finished)))
    assert failure.metadata["check"] in ("black_picture", "frozen_picture")
    assert failure.metadata["shot_id"] == "two"


def test_a_frozen_shot_is_found(finished: Finished, tmp_path: Path) -> None:
    failure = finished.fault(encode(tmp_path / "bad.mp4", STILL, sound_of(finished)))
    assert failure.metadata["check"] == "frozen_picture"
    assert failure.metadata["shot_id"] == "one"


def with_shots(finished: Finished, kind: MotionKind, picture: Path, fit: Fit | None = None) -> Finished:
    shots = tuple(dataclasses.replace(shot(name, kind), fit=fit) for name in ("one", "two", "three"))
    spec = dataclasses.replace(finished.spec, project=dataclasses.replace(finished.spec.project, shots=shots))
    media = Media({each.id: ShotMedia(image=picture) for each in shots}, finished.media.music)
    return dataclasses.replace(
        finished, spec=spec, media=media, timeline=plan_timeline(spec.project, spec.output.fps, {})
    )


def test_a_still_shot_that_should_be_still_passes(finished: Finished, tmp_path: Path) -> None:
    still = with_shots(finished, MotionKind.NONE, finished.path.with_name("picture.png"))
    still.check(encode(tmp_path / "good.mp4", STILL, sound_of(finished)))


def test_a_picture_that_is_itself_black_may_be_shown(finished: Finished, tmp_path: Path) -> None:
    Image.new("RGB", (160, 90)).save(tmp_path / "black.png")
    black = with_shots(finished, MotionKind.ZOOM_IN, tmp_path / "black.png")
    black.check(encode(tmp_path / "good.mp4", BLACK, sound_of(finished)))


def test_a_plain_picture_may_seem_to_stand_still(finished: Finished, tmp_path: Path) -> None:
    Image.new("RGB", (160, 90), (40, 90, 160)).save(tmp_path / "plain.png")
    plain = with_shots(finished, MotionKind.PAN_LEFT, tmp_path / "plain.png")
    source = f"color=0x285aa0:s={SIZE[0]}x{SIZE[1]}:r={FPS}:d=6"
    plain.check(encode(tmp_path / "good.mp4", source, sound_of(finished)))


def clip_story(finished: Finished, clip: Path) -> Finished:
    whole = Shot(id="one", duration=timedelta(seconds=6), clip_uri="https://example.com/clip.mp4")
    spec = dataclasses.replace(finished.spec, project=dataclasses.replace(finished.spec.project, shots=(whole,)))
    media = Media({"one": ShotMedia(clip=clip)}, finished.media.music)
    return dataclasses.replace(
        finished, spec=spec, media=media, timeline=plan_timeline(spec.project, spec.output.fps, {})
    )


def test_a_frozen_clip_is_found_but_one_that_ends_early_or_stands_still_is_not(
    finished: Finished, tmp_path: Path
) -> None:
    moving = tmp_path / "moving.mp4"
    ffmpeg("-f", "lavfi", "-i", MOVING, "-pix_fmt", "yuv420p", moving)
    frozen = encode(tmp_path / "bad.mp4", f"{MOVING},trim=end_frame=1,loop=149:1", sound_of(finished))
    assert clip_story(finished, moving).fault(frozen).metadata["check"] == "frozen_picture"

    short = tmp_path / "short.mp4"
    ffmpeg("-f", "lavfi", "-i", MOVING.replace("end_frame=150", "end_frame=50"), "-pix_fmt", "yuv420p", short)
    held = MOVING.replace("end_frame=150", "end_frame=50") + ",loop=100:1:49"
    clip_story(finished, short).check(encode(tmp_path / "good.mp4", held, sound_of(finished)))

    standing = tmp_path / "standing.mp4"
    ffmpeg("-f", "lavfi", "-i", STILL, "-pix_fmt", "yuv420p", standing)
    clip_story(finished, standing).check(encode(tmp_path / "good.mp4", STILL, sound_of(finished)))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_found(finished: Finished, tmp_path: Path, part: float) -> None:
    path = tmp_path / "bad.mp4"
    content = finished.path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert finished.fault(path).metadata["check"] in ("decode", "frame_count", "sound_duration")


def test_damaged_pictures_are_found(finished: Finished, tmp_path: Path) -> None:
    path = tmp_path / "bad.mp4"
    shutil.copy(finished.path, path)
    content = bytearray(path.read_bytes())
    place = content.index(b"mdat") + 4
    random = np.random.default_rng(2)
    content[place + 800 : place + 8_000] = random.integers(0, 255, 7_200, np.uint8).tobytes()
    path.write_bytes(bytes(content))
    assert finished.fault(path).metadata["check"] in ("decode", "true_peak", "loudness")


def test_measuring_again_gives_the_same(finished: Finished) -> None:
    assert measure_sound(sound_of(finished)) == finished.sound
    assert measure_sound(finished.path) == finished.sound
