"""Bad media are found before anything is rendered; the error names shot, field and fault."""

import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.compositor.media.assets import (
    Asset,
    AssetFault,
    Media,
    MediaLimits,
    ShotMedia,
    clip_asset,
    music_asset,
    narration_asset,
)
from render_service.compositor.media.probing import probe_clip, probe_sound
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.project import BadAssetPolicy, Project
from tests.integration.compositor.inspecting import inspected
from tests.integration.compositor.oracle import ffmpeg, write_sound

Probe = Callable[[Asset, MediaLimits], object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good media of many kinds, two seconds long."""
    folder = tmp_path_factory.mktemp("media")
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 96_000)).astype(np.float32)
    sound = write_sound(folder / "sound.wav", noise)
    write_sound(folder / "sound.flac", noise)
    write_sound(folder / "sound.mp3", noise)
    write_sound(folder / "sound.m4a", noise, 48_000, "-movflags", "+faststart")
    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2", "-i", sound, "-pix_fmt", "yuv420p")
    ffmpeg(*picture, "-c:v", "libx264", "-g", "10", folder / "clip.mp4")
    ffmpeg(*picture, "-c:v", "libx264", "-movflags", "+faststart", folder / "streamed.mp4")
    ffmpeg(*picture, "-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov", folder / "fragmented.mp4")
    ffmpeg(*picture, "-c:v", "libx264", folder / "clip.mkv")
    ffmpeg(*picture, "-c:v", "mpeg4", folder / "clip.avi")
    ffmpeg(*picture, "-c:v", "libx264", "-g", "10", folder / "clip.ts")
    ffmpeg(*picture, "-c:v", "huffyuv", "-pix_fmt", "yuv422p", folder / "exotic.mkv")
    ffmpeg("-i", sound, "-c:a", "wavpack", folder / "exotic.mka")
    ffmpeg("-i", sound, folder / "only_sound.mp4")
    Image.radial_gradient("L").save(folder / "picture.png")
    return folder


def fault_of(probe: Probe, asset: Asset, limits: MediaLimits | None = None) -> str:
    with pytest.raises(RenderFailure) as caught:
        probe(asset, limits or MediaLimits())
    failure = caught.value
    assert failure.reason is ErrorReason.ASSET_INVALID
    assert failure.metadata["field"] == asset.field
    assert failure.metadata.get("shot_id") == asset.shot_id
    assert str(asset.path) not in failure.message
    assert asset.path.name not in failure.message
    return failure.metadata["fault"]


@pytest.mark.parametrize("name", ["clip.mp4", "streamed.mp4", "fragmented.mp4", "clip.mkv", "clip.avi", "clip.ts"])
def test_good_clips_are_measured(folder: Path, name: str) -> None:
    facts = probe_clip(clip_asset("opening", folder / name))
    assert facts.duration.total_seconds() == pytest.approx(2, abs=0.045)
    assert facts.frames == 50
    assert (facts.width, facts.height) == (160, 90)
    assert facts.has_sound


@pytest.mark.parametrize("name", ["sound.wav", "sound.flac", "sound.mp3", "sound.m4a", "clip.mp4", "only_sound.mp4"])
def test_good_sounds_are_measured(folder: Path, name: str) -> None:
    assert probe_sound(narration_asset("opening", folder / name)).total_seconds() == pytest.approx(2, abs=0.07)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("name", ["clip.mp4", "streamed.mp4", "clip.mkv", "clip.avi"])
def test_truncated_clips_are_refused(folder: Path, tmp_path: Path, name: str, part: float) -> None:
    content = (folder / name).read_bytes()
    (tmp_path / "asset").write_bytes(content[: int(len(content) * part)])
    assert fault_of(probe_clip, clip_asset("opening", tmp_path / "asset")) == AssetFault.TRUNCATED


@pytest.mark.parametrize("part", [0.3, 0.7])
@pytest.mark.parametrize("name", ["sound.wav", "sound.flac", "sound.m4a"])
def test_truncated_sounds_are_refused(folder: Path, tmp_path: Path, name: str, part: float) -> None:
    content = (folder / name).read_bytes()
    (tmp_path / "asset").write_bytes(content[: int(len(content) * part)])
    assert fault_of(probe_sound, narration_asset("opening", tmp_path / "asset")) == AssetFault.TRUNCATED


def test_a_little_rubbish_within_an_mp3_is_passed_over_and_much_is_not(folder: Path, tmp_path: Path) -> None:
    content = (folder / "sound.mp3").read_bytes()
    half = len(content) // 2
    (tmp_path / "little").write_bytes(content[:half] + b"TAG" + bytes(125) + content[half:])
    assert probe_sound(music_asset(tmp_path / "little")).total_seconds() == pytest.approx(2, abs=0.15)
    rubbish = bytearray(content)
    for at in range(2_000, len(rubbish) - 200, 700):
        rubbish[at : at + 300] = bytes(range(256)) + bytes(44)
    (tmp_path / "much").write_bytes(rubbish)
    assert fault_of(probe_sound, music_asset(tmp_path / "much")) == AssetFault.TRUNCATED


def test_a_transport_stream_cut_out_of_a_broadcast_is_accepted(folder: Path, tmp_path: Path) -> None:
    content = (folder / "clip.ts").read_bytes()
    (tmp_path / "cut").write_bytes(content[188 * 40 : 188 * 40 + 188 * (len(content) // 188 - 80)])
    assert probe_clip(clip_asset("opening", tmp_path / "cut")).duration.total_seconds() > 0.3


@pytest.mark.parametrize(
    ("probe", "name", "fault"),
    [
        (probe_clip, "exotic.mkv", AssetFault.UNSUPPORTED_CODEC),
        (probe_clip, "only_sound.mp4", AssetFault.NOT_A_VIDEO),
        (probe_clip, "sound.wav", AssetFault.WRONG_TYPE),
        (probe_clip, "sound.m4a", AssetFault.WRONG_TYPE),
        (probe_clip, "picture.png", AssetFault.WRONG_TYPE),
        (probe_sound, "exotic.mka", AssetFault.UNSUPPORTED_CODEC),
        (probe_sound, "exotic.mkv", None),
        (probe_sound, "picture.png", AssetFault.WRONG_TYPE),
    ],
)
def test_the_wrong_kind_of_media_is_refused(folder: Path, probe: Probe, name: str, fault: AssetFault | None) -> None:
    asset = clip_asset("opening", folder / name)
    if fault is None:
        probe(asset, MediaLimits())
    else:
        assert fault_of(probe, asset) == fault


def test_a_clip_without_sound_cannot_be_narration(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=1", "-pix_fmt", "yuv420p", tmp_path / "mute.mp4")
    assert fault_of(probe_sound, narration_asset("opening", tmp_path / "mute.mp4")) == AssetFault.NOT_A_SOUND


@pytest.mark.parametrize("probe", [probe_clip, probe_sound])
@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", {AssetFault.EMPTY}),
        (b"<html><body>Not found</body></html>", {AssetFault.MARKUP}),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\nfile:///etc/hostname\n", {AssetFault.PLAYLIST}),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", {AssetFault.PLAYLIST}),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n", {"not_a_video", "not_a_sound"}),
        (b"\x00" * 5_000, {"not_a_video", "not_a_sound"}),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00" * 500, {AssetFault.TRUNCATED}),
    ],
)
def test_what_is_no_media_is_refused_with_its_fault(
    tmp_path: Path, probe: Probe, content: bytes, faults: set[str]
) -> None:
    (tmp_path / "asset").write_bytes(content)
    assert fault_of(probe, clip_asset("opening", tmp_path / "asset")) in faults


def test_a_clip_that_points_to_other_files_does_not_open_them(folder: Path, tmp_path: Path) -> None:
    # A QuickTime reference movie: its media lie in another file, named by a data reference.
    secret = tmp_path / "secret.mp4"
    secret.write_bytes((folder / "streamed.mp4").read_bytes())
    content = bytearray((folder / "streamed.mp4").read_bytes())
    place = content.index(b"dref")
    assert content[place + 12 : place + 24] == b"\x00\x00\x00\x0curl \x00\x00\x00\x01"[:12]
    struct.pack_into(">I", content, place + 20, 0)
    cut = content.index(b"mdat")
    (tmp_path / "asset").write_bytes(bytes(content[: cut + 4]))
    assert fault_of(probe_clip, clip_asset("opening", tmp_path / "asset")) == AssetFault.TRUNCATED


def test_limits_are_kept(folder: Path) -> None:
    clip = clip_asset("opening", folder / "clip.mp4")
    assert fault_of(probe_clip, clip, MediaLimits(clip_pixels=160 * 90 - 1)) == AssetFault.TOO_MANY_PIXELS
    assert fault_of(probe_clip, clip, MediaLimits(seconds=1)) == AssetFault.TOO_LONG
    assert fault_of(probe_sound, music_asset(folder / "sound.mp3"), MediaLimits(seconds=1)) == AssetFault.TOO_LONG


def test_all_media_of_a_render_are_measured_by_shot(folder: Path) -> None:
    shots = {
        "one": ShotMedia(image=folder / "picture.png", narration=folder / "sound.wav"),
        "two": ShotMedia(clip=folder / "clip.mp4"),
        "three": ShotMedia(),
    }
    media = Media(shots, folder / "sound.mp3", folder / "picture.png")
    probed = inspected(media)
    assert probed.media == media
    assert probed.warnings == ()
    assert probed.facts["one"].narration == timedelta(seconds=2)
    assert probed.facts["two"].clip is not None
    assert probed.facts["three"].clip is None


def test_a_card_stands_in_for_a_bad_picture_where_the_policy_says_so(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"<html></html>")
    shots = {
        "one": ShotMedia(image=tmp_path / "bad", narration=folder / "sound.wav"),
        "two": ShotMedia(clip=tmp_path / "bad"),
        "three": ShotMedia(image=folder / "picture.png"),
    }
    with pytest.raises(RenderFailure):
        inspected(Media(shots))
    probed = inspected(Media(shots), Project(bad_asset_policy=BadAssetPolicy.CARD))
    assert probed.media.shots["one"] == ShotMedia(narration=folder / "sound.wav")
    assert probed.media.shots["two"] == ShotMedia()
    assert probed.media.shots["three"] == shots["three"]
    assert [warning.shot_id for warning in probed.warnings] == ["one", "two"]


@pytest.mark.parametrize("field", ["narration", "music", "watermark"])
def test_nothing_stands_in_for_bad_sound_or_a_bad_watermark(tmp_path: Path, field: str) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"")
    media = {
        "narration": Media({"one": ShotMedia(narration=bad)}),
        "music": Media(music=bad),
        "watermark": Media(watermark=bad),
    }[field]
    with pytest.raises(RenderFailure) as caught:
        inspected(media, Project(bad_asset_policy=BadAssetPolicy.CARD))
    named = {"narration": "narration_audio_uri", "music": "music.uri", "watermark": "watermark.uri"}
    assert caught.value.metadata["field"] == named[field]


@pytest.mark.parametrize("shot_id", ["@intro", "@outro"])
def test_the_intro_and_outro_are_named_by_their_own_fields(tmp_path: Path, shot_id: str) -> None:
    (tmp_path / "bad").write_bytes(b"")
    with pytest.raises(RenderFailure) as caught:
        inspected(Media({shot_id: ShotMedia(clip=tmp_path / "bad")}))
    assert caught.value.metadata == {"field": f"{shot_id[1:]}_clip_uri", "fault": "empty"}
