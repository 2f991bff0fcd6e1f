"""Files and ids of a stream, for all names that outputs and languages may have."""

import re
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st

from render_service.compositor.streaming.codec_names import AAC_LC
from render_service.compositor.streaming.dash import manifest
from render_service.compositor.streaming.hls import playlists
from render_service.compositor.streaming.model import (
    CAPTIONS_NAME,
    MANIFEST_NAME,
    SUBTITLES_NAME,
    AudioRendition,
    ByteRange,
    MediaTrack,
    Stream,
    StreamSegment,
    SubtitleRendition,
    VideoRendition,
    sound_file,
    video_file,
)
from render_service.domain.projects.delivery.outputs import MAX_OUTPUTS, NamedOutput, output_faults

MPD = "{urn:mpeg:dash:schema:mpd:2011}"
SEGMENT = StreamSegment(ByteRange(800, 100), 2, ByteRange(800, 50))
SUBTITLES = SubtitleRendition("en", "English", (StreamSegment(ByteRange(0, 100), 2000),), is_burned=False, size=100)
RESERVED = ("video", "audio", "audio-de", "captions", "subtitles", "master", "manifest", "keyframes", "iframes")
PARTS = st.sampled_from(("a", "de", "1", *RESERVED))
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("-".join).filter(lambda name: len(name) <= 32)
LANGUAGES = st.sampled_from(("de", "fr", "a", "zh-Hans", "zh-keyframes", "en-US"))


def stream_of(outputs: list[str], languages: list[str]) -> Stream:
    def track(name: str, codec: str) -> MediaTrack:
        return MediaTrack(name, codec, 1, ByteRange(0, 700), ByteRange(700, 100), (SEGMENT,))

    videos = [VideoRendition(name, track(video_file(name), "avc1.640028"), 160, 90, 24) for name in outputs]
    sounds = [
        AudioRendition(track(sound_file(place, tag), AAC_LC), tag, tag, is_default=place == 0)
        for place, tag in enumerate(["en", *languages])
    ]
    return Stream(2, tuple(videos), tuple(sounds), SUBTITLES)


def is_unique(names: list[str]) -> bool:
    return len({*names}) == len(names)


@given(st.lists(NAMES, min_size=1, max_size=MAX_OUTPUTS, unique=True), st.lists(LANGUAGES, max_size=4, unique=True))
@example(["a", "a-keyframes"], [])
@example(["audio", "audio-de", "captions", "video"], ["de"])
@example([""], ["de"])
def test_no_two_files_or_ids_of_a_stream_are_called_the_same(outputs: list[str], languages: list[str]) -> None:
    assert outputs == [""] or not [*output_faults([*map(NamedOutput, outputs)], "outputs")]
    stream = stream_of(outputs, languages)
    texts = playlists(stream)
    media = [*(one.track.name for one in stream.videos), *(one.track.name for one in stream.audios)]
    # The master, two for each output, one for each sound, that of the subtitles.
    assert len(texts) == 1 + 2 * len(stream.videos) + len(stream.audios) + 1
    assert is_unique([*texts, *media, MANIFEST_NAME, CAPTIONS_NAME, SUBTITLES_NAME])

    uris = re.findall(r'URI="([^"]+)"', texts["master.m3u8"])
    uris += [line for line in texts["master.m3u8"].splitlines() if not line.startswith("#")]
    assert sorted(uris) == sorted({*texts} - {"master.m3u8"})

    representations = [*ElementTree.fromstring(manifest(stream)).iter(f"{MPD}Representation")]
    assert len(representations) == len(media) + 1
    assert is_unique([one.attrib["id"] for one in representations])
    assert is_unique([one.findtext(f"{MPD}BaseURL") or "" for one in representations])
