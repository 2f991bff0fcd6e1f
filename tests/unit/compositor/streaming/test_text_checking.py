"""Playlists and manifests with faults: none is delivered, and the failure names the output."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from render_service.compositor import packaging
from render_service.compositor.outputs import naming
from render_service.compositor.packaging import StreamedVideo, StreamFiles, package_stream
from render_service.compositor.processes.pool import Share
from render_service.compositor.streaming.boxes import Reference, box, segment_index
from render_service.compositor.streaming.codec_names import AAC_LC
from render_service.compositor.streaming.dash import manifest
from render_service.compositor.streaming.hls import playlists
from render_service.compositor.streaming.model import ByteRange, MediaTrack, StreamSegment
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import Artifact
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import OutputSpec, Quality, Streaming

OUTPUT = OutputSpec(320, 180, 24, Quality.DRAFT, streaming=Streaming(hls=True, dash=True))
NAMES = ("a", "b")
SECONDS = 14
CAPTIONS = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:07.500\nA long caption\n"
Texts = dict[str, str]


class FakeShare:
    """Writes files with the boxes of a media file, but no media."""

    async def run(self, _: object, video: Path, place: int | None, starts: Sequence[int], path: Path, /) -> MediaTrack:
        """Return what is known of the file."""
        timescale = 24 if place is None else 48_000
        lengths = [(after - start) * timescale for start, after in zip(starts, (*starts[1:], SECONDS), strict=True)]
        fragments = [box("moof", bytes(10)) + box("mdat", bytes(20 + number)) for number in range(len(lengths))]
        head = box("ftyp", b"test")
        pairs = zip(fragments, lengths, strict=True)
        index = segment_index(timescale, [Reference(len(one), ticks) for one, ticks in pairs])
        path.write_bytes(b"".join((head, index, *fragments)))
        segments, at = [], len(head) + len(index)
        for fragment, ticks in zip(fragments, lengths, strict=True):
            keyframe = ByteRange(at, 30) if place is None else None
            segments.append(StreamSegment(ByteRange(at, len(fragment)), ticks, keyframe))
            at += len(fragment)
        codec = "avc1.640028" if place is None else AAC_LC
        return MediaTrack(
            path.name, codec, timescale, ByteRange(0, len(head)), ByteRange(len(head), len(index)), tuple(segments)
        )


async def package(folder: Path) -> Mapping[Artifact, StreamFiles]:
    """Make the stream of two outputs with one sound and captions, 14 s in segments of 6 s."""
    captions = folder / "source.vtt"
    captions.write_text(CAPTIONS)
    stream = folder / "stream"
    stream.mkdir()
    videos = [
        StreamedVideo(name, OUTPUT, folder, SECONDS * OUTPUT.fps, captions, shows_captions=True) for name in NAMES
    ]
    outputs = [ResolvedOutput(name, OUTPUT) for name in NAMES]

    def named(place: int) -> AbstractContextManager[None]:
        return naming(outputs, place)

    return await package_stream(cast("Share", FakeShare()), videos, ("en",), named, stream)


async def test_a_stream_without_faults_passes(tmp_path: Path) -> None:
    assert {*await package(tmp_path)} == {Artifact.HLS, Artifact.DASH}


def damage(name: str, pattern: str, by: str | Callable[[re.Match[str]], str]) -> Callable[[Texts], None]:
    """Return a function that replaces the first match in a text."""

    def change(texts: Texts) -> None:
        texts[name], changes = re.subn(pattern, by, texts[name], count=1)
        assert changes == 1

    return change


def plus_one(match: re.Match[str]) -> str:
    return f"{match[1]}{int(match[2]) + 1}{match[3]}"


@pytest.mark.parametrize(
    ("change", "output"),
    [
        pytest.param(damage("video-b.m3u8", r"(@)(\d+)(\nvideo)", plus_one), "b", id="range begins elsewhere"),
        pytest.param(damage("video-b.m3u8", r"(BYTERANGE:)(\d+)(@)", plus_one), "b", id="range too long"),
        pytest.param(damage("video-b.m3u8", r"#EXTINF.*\n.*\n.*\n(#EXT-X-END)", r"\1"), "b", id="last segment missing"),
        pytest.param(damage("video-b.m3u8", r"#EXTINF:6", "#EXTINF:5"), "b", id="too short"),
        pytest.param(
            damage("video-b.m3u8", r"(?s)EXTINF:6\.0+(.*)EXTINF:6\.0+", r"EXTINF:6.500000\1EXTINF:5.500000"),
            "b",
            id="longer than the target",
        ),
        pytest.param(damage("video-b.m3u8", r'(BYTERANGE="\d+)(@)0', r"\1\g<2>1"), "b", id="header elsewhere"),
        pytest.param(damage("video-b.keyframes.m3u8", r"(@)(\d+)(\nvideo)", plus_one), "b", id="keyframe elsewhere"),
        pytest.param(damage("video-b.keyframes.m3u8", r"(:)\d+(@\d+\nvideo)", r"\g<1>999\2"), "b", id="long keyframe"),
        pytest.param(damage("audio.m3u8", r"EXTINF:6", "EXTINF:5"), "a", id="sound too short"),
        pytest.param(damage("audio.m3u8", r"(@)(\d+)(\naudio)", plus_one), "a", id="range of sound"),
        pytest.param(damage("subtitles.m3u8", r"(:)(\d+)(@\d+\nsubtitles)", plus_one), "a", id="range of captions"),
        pytest.param(damage("subtitles.m3u8", r"EXTINF:6", "EXTINF:5"), "a", id="captions too short"),
        pytest.param(damage("audio.m3u8", r"DURATION:6", "DURATION:7"), "a", id="two target durations"),
        pytest.param(damage("audio.m3u8", r"#EXT-X-ENDLIST\n", ""), "a", id="no end"),
        pytest.param(damage("master.m3u8", r"video-b\.m3u8", "video-a.m3u8"), "a", id="a playlist named twice"),
        pytest.param(damage("master.m3u8", r"video-b\.m3u8", "video-c.m3u8"), "a", id="a playlist that is not there"),
        pytest.param(lambda texts: texts.pop("video-b.keyframes.m3u8"), "a", id="a playlist lost"),
        pytest.param(damage("manifest.mpd", r'id="video-b"', 'id="video-a"'), "a", id="an id twice"),
        pytest.param(damage("manifest.mpd", r">video-b\.mp4", ">video-a.mp4"), "a", id="a file twice"),
        pytest.param(damage("manifest.mpd", r'(indexRange="\d+-)(\d+)(")', plus_one), "a", id="the index elsewhere"),
        pytest.param(damage("manifest.mpd", r'(range="0-)(\d+)(")', plus_one), "a", id="the header elsewhere"),
        pytest.param(damage("manifest.mpd", r"PT14", "PT13"), "a", id="another duration"),
        pytest.param(damage("manifest.mpd", r"</MPD>", ""), "a", id="no XML"),
    ],
)
async def test_a_fault_fails_the_job_and_names_the_output(
    change: Callable[[Texts], None], output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(stream: Any, *, wanted: bool) -> Texts:
        texts = {**playlists(stream), "manifest.mpd": manifest(stream)}
        change(texts)
        return {name: text for name, text in texts.items() if (name == "manifest.mpd") is wanted}

    monkeypatch.setattr(packaging, "playlists", partial(damaged, wanted=False))
    monkeypatch.setattr(packaging, "manifest", lambda stream: damaged(stream, wanted=True)["manifest.mpd"])
    with pytest.raises(RenderFailure) as failure:
        await package(tmp_path)
    assert failure.value.reason is ErrorReason.CHECK_FAILED
    assert failure.value.metadata["check"] in ("stream_playlist", "stream_manifest")
    assert failure.value.metadata["output"] == output
