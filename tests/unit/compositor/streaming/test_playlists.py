"""What playlists and manifest say of media files, and how codecs are named."""

from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from render_service.compositor.streaming.codec_names import AAC_LC, codec_name
from render_service.compositor.streaming.dash import manifest
from render_service.compositor.streaming.hls import playlists
from render_service.compositor.streaming.model import (
    AudioRendition,
    BitRate,
    ByteRange,
    MediaTrack,
    Stream,
    StreamSegment,
    SubtitleRendition,
    VideoRendition,
    segment_starts,
)

MPD = "{urn:mpeg:dash:schema:mpd:2011}"


def track(name: str, codec: str, *segments: tuple[int, int], timescale: int = 1) -> MediaTrack:
    """Return a media file with segments of so many bytes and ticks."""
    found = tuple(StreamSegment(ByteRange(0, size), ticks, ByteRange(0, size // 4)) for size, ticks in segments)
    return MediaTrack(name, codec, timescale, ByteRange(0, 700), ByteRange(700, 56), found)


VIDEO = VideoRendition("hd", track("video-hd.mp4", "avc1.640028", (6000, 6), (9000, 6), (2000, 1)), 1920, 1080, 30)
SMALL = VideoRendition("sd", track("video-sd.mp4", "av01.0.04M.08", (600, 6), (900, 6), (200, 1)), 854, 480, 30)
SOUNDS = (
    AudioRendition(track("audio.mp4", AAC_LC, (1000, 6), (1000, 7)), "en", "English", is_default=True),
    AudioRendition(track("audio-de.mp4", AAC_LC, (1200, 6), (1200, 7)), "de", 'Deutsch "neu"', is_default=False),
)
STREAM = Stream(6, (VIDEO, SMALL), SOUNDS, None)


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [(0.5, (0,)), (6, (0,)), (6.4, (0,)), (6.5, (0, 6)), (12, (0, 6)), (12.3, (0, 6)), (13, (0, 6, 12))],
)
def test_no_segment_is_a_few_pictures_long(seconds: float, starts: tuple[int, ...]) -> None:
    assert segment_starts(Fraction(seconds).limit_denominator(60), 6) == starts


def test_the_peak_is_that_of_neighbours_about_as_long_as_a_segment() -> None:
    # The last alone is too short to count; with the one before it, it plays for 7 s.
    assert VIDEO.track.rate(6) == BitRate(peak=-(-11_000 * 8 // 7), mean=-(-17_000 * 8 // 13))


def test_a_short_video_has_the_rate_of_all_of_it() -> None:
    assert track("video.mp4", "avc1.640028", (1000, 1)).rate(6) == BitRate(8000, 8000)


def test_every_language_is_a_sound_of_every_size() -> None:
    master = playlists(STREAM)["master.m3u8"]
    lines = [line for line in master.splitlines() if line.startswith("#EXT-X-MEDIA")]
    assert ["DEFAULT=YES" in line for line in lines] == [True, False]
    assert 'LANGUAGE="de",NAME="Deutsch \'neu\'"' in lines[1]
    assert 'URI="audio-de.m3u8"' in lines[1]
    assert master.count('AUDIO="audio"') == 2
    assert 'CODECS="av01.0.04M.08,mp4a.40.2"' in master
    assert "SUBTITLES" not in master


def test_the_bandwidth_of_a_size_includes_the_largest_sound() -> None:
    master = playlists(STREAM)["master.m3u8"]
    sound = SOUNDS[1].track.rate(6)
    shown = VIDEO.track.rate(6)
    assert f"BANDWIDTH={shown.peak + sound.peak},AVERAGE-BANDWIDTH={shown.mean + sound.mean}," in master


def test_a_set_of_the_manifest_has_one_codec_or_one_language() -> None:
    sets = ElementTree.fromstring(manifest(STREAM)).findall(f"{MPD}Period/{MPD}AdaptationSet")
    assert [[one.get("id") for one in group.iter(f"{MPD}Representation")] for group in sets] == [
        ["video-hd"],
        ["video-sd"],
        ["audio"],
        ["audio-de"],
    ]
    roles = [group.find(f"{MPD}Role").get("value") for group in sets]  # type: ignore[union-attr]
    assert roles == ["main", "main", "main", "dub"]
    assert sets[3].get("lang") == "de"


def test_a_manifest_with_captions_claims_no_cmaf_and_measures_them() -> None:
    segments = (StreamSegment(ByteRange(0, 40_000), 13_000),)
    subtitles = SubtitleRendition("en", "English", segments, is_burned=False, size=30_001)
    without, with_captions = (
        ElementTree.fromstring(manifest(replace(STREAM, subtitles=one))) for one in (None, subtitles)
    )
    on_demand = "urn:mpeg:dash:profile:isoff-on-demand:2011"
    assert without.get("profiles") == f"{on_demand},urn:mpeg:dash:profile:cmaf:2019"
    assert with_captions.get("profiles") == on_demand
    (captions,) = (one for one in with_captions.iter(f"{MPD}Representation") if one.get("id") == "captions")
    # All of them are loaded within the minimum buffer of 6 s.
    assert (with_captions.get("minBufferTime"), captions.get("bandwidth")) == ("PT6S", str(-(-30_001 * 8 // 6)))


@pytest.mark.parametrize(
    ("codec", "config", "name"),
    [
        ("h264", "0164002a", "avc1.64002a"),
        ("hevc", "010160000000900000000000" + "5d", "hvc1.1.6.L93.90"),
        ("hevc", "0122200000009000000000007b", "hvc1.2.4.H123.90"),
        ("libdav1d", "81090c00", "av01.0.09M.08"),
        ("av1", "812dc000", "av01.1.13H.10"),
    ],
)
def test_codecs_are_named_with_profile_and_level(codec: str, config: str, name: str) -> None:
    assert codec_name(codec, bytes.fromhex(config)) == name
