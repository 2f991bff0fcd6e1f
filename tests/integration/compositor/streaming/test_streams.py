"""HLS and DASH streams of a render: what players find in the files."""

import hashlib
import io
from pathlib import Path
from xml.etree import ElementTree

import av
import pytest

from render_service.compositor.compositor import ComposedVideo
from render_service.compositor.streaming.checking import check_track
from render_service.compositor.streaming.model import MediaTrack
from render_service.compositor.tasks import package_track
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import Artifact
from tests.integration.compositor.streaming.conftest import SEGMENT, ComposedStream
from tests.integration.compositor.streaming.playlists import broken_rules, read_media, tagged, variants

pytestmark = pytest.mark.asyncio(loop_scope="session")

MPD = "{urn:mpeg:dash:schema:mpd:2011}"


@pytest.fixture
def videos(composed: ComposedStream) -> tuple[ComposedVideo, ...]:
    """The videos."""
    return composed.videos


@pytest.fixture
def folder(videos: tuple[ComposedVideo, ...]) -> Path:
    """Where the files of the stream lie."""
    return videos[0].stream[Artifact.HLS].entry.parent


async def test_the_stream_belongs_to_its_first_rendition_and_names_all_its_files(
    videos: tuple[ComposedVideo, ...], folder: Path
) -> None:
    assert [dict(video.stream) for video in videos[1:]] == [{}, {}, {}]
    hls, dash = videos[0].stream[Artifact.HLS], videos[0].stream[Artifact.DASH]
    assert {*hls.parts, *dash.parts, hls.entry, dash.entry} == {*folder.iterdir()}
    assert sorted(path.name for path in dash.parts) == [
        "audio.mp4",
        "captions.vtt",
        "video-large.mp4",
        "video-middle.mp4",
        "video-small.mp4",
    ]


async def test_playlists_keep_the_rules(folder: Path) -> None:
    assert [*broken_rules(folder)] == []
    master = (folder / "master.m3u8").read_text()
    (large, _), _, (small, _) = variants(master)
    assert (large["RESOLUTION"], large["FRAME-RATE"], small["RESOLUTION"]) == ("320x180", "24.000", "160x90")
    assert large["CODECS"].startswith("avc1.64")
    assert small["CODECS"].startswith("hvc1.1.6.L")
    assert large["CODECS"].endswith(",mp4a.40.2")


async def test_bandwidth_is_what_the_segments_take(folder: Path) -> None:
    (large, uri), *_ = variants((folder / "master.m3u8").read_text())
    tracks = [read_media((folder / name).read_text()).segments for name in (uri, "audio.m3u8")]
    mean = sum(sum(one.size for one in track) * 8 / sum(one.seconds for one in track) for track in tracks)
    assert int(large["AVERAGE-BANDWIDTH"]) == pytest.approx(mean, abs=3)

    # RFC 8216, 4.1: what any player has to load in about the time of a segment.
    peak = sum(max(one.size * 8 / one.seconds for one in track if one.seconds >= SEGMENT / 2) for track in tracks)
    assert int(large["BANDWIDTH"]) >= peak - 3
    assert int(large["BANDWIDTH"]) <= 1.5 * peak + 3


async def test_ffmpeg_plays_every_picture_and_sample_of_the_stream(
    videos: tuple[ComposedVideo, ...], folder: Path
) -> None:
    master = str(folder / "master.m3u8")
    with av.open(master) as stream:
        assert sorted(one.codec_context.name for one in stream.streams.video) == ["h264", "h264", "hevc"]
    for track in (0, 1, 2):
        with av.open(master) as stream:
            times = [float(frame.time or 0) for frame in stream.decode(video=track)]
        assert times == pytest.approx([number / 24 for number in range(videos[0].frames)], abs=0.001)
    with av.open(master) as stream:
        samples = sum(frame.samples for frame in stream.decode(audio=0))
    assert samples == pytest.approx(videos[0].frames / 24 * 48_000, abs=1024)


async def test_the_stream_has_the_bytes_of_the_videos(videos: tuple[ComposedVideo, ...], folder: Path) -> None:
    for video, name in zip(videos, ("video-small.mp4", "video-large.mp4"), strict=False):
        hashes = []
        for path in (video.path, folder / name):
            with av.open(str(path)) as container:
                packets = [bytes(packet) for packet in container.demux(video=0)]
                hashes.append(hashlib.sha256(b"".join(packets)).hexdigest())
        assert hashes[0] == hashes[1]


async def test_every_segment_and_every_keyframe_decodes_from_its_own_bytes(folder: Path) -> None:
    names = [name for _, name in variants((folder / "master.m3u8").read_text())]
    for name in names:
        whole = read_media((folder / name).read_text())
        keyframes = read_media((folder / name.replace(".m3u8", ".keyframes.m3u8")).read_text())
        assert len(keyframes.segments) == len(whole.segments) == 2
        content = (folder / whole.segments[0].name).read_bytes()
        assert whole.header is not None
        header = content[: whole.header[1]]
        for number, (segment, keyframe) in enumerate(zip(whole.segments, keyframes.segments, strict=True)):
            part = content[segment.offset : segment.offset + segment.size]
            with av.open(io.BytesIO(header + part), "r") as alone:
                frames = [*alone.decode(video=0)]
            assert frames[0].key_frame
            assert frames[0].time == pytest.approx(number * SEGMENT)
            assert len(frames) == round(segment.seconds * 24)
            with av.open(io.BytesIO(header + part[: keyframe.size]), "r") as alone:
                first = next(alone.decode(video=0))
            assert (first.to_ndarray() == frames[0].to_ndarray()).all()


async def test_captions_are_in_every_segment_that_shows_them(videos: tuple[ComposedVideo, ...], folder: Path) -> None:
    playlist = read_media((folder / "subtitles.m3u8").read_text())
    content = (folder / "subtitles.vtt").read_bytes()
    texts = [content[one.offset : one.offset + one.size].decode() for one in playlist.segments]
    assert [text.count("-->") for text in texts] == [1, 2]
    assert sum(one.seconds for one in playlist.segments) == pytest.approx(videos[0].frames / 24, abs=0.001)
    (subtitles,) = [
        one for one in tagged((folder / "master.m3u8").read_text(), "EXT-X-MEDIA") if one["TYPE"] == "SUBTITLES"
    ]
    # They are in the picture as well, and shown only to who asks for them.
    assert (subtitles["AUTOSELECT"], subtitles["DEFAULT"]) == ("NO", "NO")
    assert (folder / "captions.vtt").read_bytes() == videos[0].captions_vtt.read_bytes()


async def test_the_manifest_points_at_header_and_index(folder: Path) -> None:
    root = ElementTree.parse(folder / "manifest.mpd").getroot()
    assert root.get("type") == "static"
    sets = root.findall(f"{MPD}Period/{MPD}AdaptationSet")
    assert [one.get("contentType") for one in sets] == ["video", "video", "audio", "text"]
    for representation in root.iter(f"{MPD}Representation"):
        name = representation.findtext(f"{MPD}BaseURL")
        assert name is not None
        content = (folder / name).read_bytes()
        base = representation.find(f"{MPD}SegmentBase")
        if base is None:
            continue
        first, last = map(int, base.attrib["indexRange"].split("-"))
        assert content[first + 4 : first + 8] == b"sidx"
        assert content[last + 5 : last + 9] == b"moof"


async def test_an_output_outside_the_stream_gets_no_keyframes_for_it(videos: tuple[ComposedVideo, ...]) -> None:
    def keyframes(video: ComposedVideo) -> list[int]:
        with av.open(str(video.path)) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
            return [number for number, packet in enumerate(packets) if packet.is_keyframe]

    distance = SEGMENT * 24
    assert {0, distance, 2 * distance} <= {*keyframes(videos[1])}
    assert not {distance, 2 * distance} & {*keyframes(videos[3])}


async def test_a_video_without_keyframes_in_place_is_no_stream(
    videos: tuple[ComposedVideo, ...], tmp_path: Path
) -> None:
    with pytest.raises(RenderFailure, match="stream_keyframes") as failure:
        package_track(videos[3].path, None, (0, SEGMENT), tmp_path / "video.mp4")
    assert failure.value.reason is ErrorReason.CHECK_FAILED


async def test_a_damaged_media_file_fails_its_check(videos: tuple[ComposedVideo, ...], tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    track = package_track(videos[1].path, None, (0, SEGMENT), path)
    assert isinstance(track, MediaTrack)
    content = bytearray(path.read_bytes())
    content[-10] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(RenderFailure, match="stream_packets"):
        check_track(videos[1].path, None, path, track)
