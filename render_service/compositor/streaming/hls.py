"""Writes the playlists of an HLS stream (RFC 8216, and its successor for what Apple's players ask for beyond)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

from render_service.compositor.streaming.model import (
    MASTER_NAME,
    SUBTITLES_NAME,
    AudioRendition,
    ByteRange,
    MediaTrack,
    Stream,
    StreamSegment,
    SubtitleRendition,
    VideoRendition,
)

_AUDIO, _SUBTITLES = "audio", "subtitles"


def playlists(stream: Stream) -> Mapping[str, str]:
    """Return all playlists of a stream by their file names; they name files relatively."""
    found = {MASTER_NAME: _master(stream)}
    for video in stream.videos:
        found[_playlist(video.track)] = _media(video.track, stream.target)
        found[_keyframes(video.track)] = _keyframe_playlist(video.track, stream.target)
    for audio in stream.audios:
        found[_playlist(audio.track)] = _media(audio.track, stream.target)
    if stream.subtitles is not None:
        found[_subtitle_playlist()] = _subtitle_media(stream.subtitles, stream.target)
    return found


def _master(stream: Stream) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_audio_line(audio) for audio in stream.audios]
    if stream.subtitles is not None:
        lines.append(_subtitle_line(stream.subtitles))
    for video in stream.videos:
        lines += [_variant_line(video, stream), _playlist(video.track)]
    lines += [_keyframe_line(video, stream.target) for video in stream.videos]
    return _text(lines)


def _audio_line(audio: AudioRendition) -> str:
    attributes = {
        "TYPE": "AUDIO",
        "GROUP-ID": _quoted(_AUDIO),
        **_named(audio.language, audio.label),
        "AUTOSELECT": "YES",
        "DEFAULT": "YES" if audio.is_default else "NO",
        "CHANNELS": _quoted("2"),
        "URI": _quoted(_playlist(audio.track)),
    }
    return _tag("EXT-X-MEDIA", attributes)


def _subtitle_line(subtitles: SubtitleRendition) -> str:
    attributes = {
        "TYPE": "SUBTITLES",
        "GROUP-ID": _quoted(_SUBTITLES),
        **_named(subtitles.language, subtitles.label),
        # What is burned in already is shown twice only to who asks for it.
        "AUTOSELECT": "NO" if subtitles.is_burned else "YES",
        "DEFAULT": "NO",
        "FORCED": "NO",
        "URI": _quoted(_subtitle_playlist()),
    }
    return _tag("EXT-X-MEDIA", attributes)


def _variant_line(video: VideoRendition, stream: Stream) -> str:
    sounds = [audio.track for audio in stream.audios]
    heard, shown = [track.rate(stream.target) for track in sounds], video.track.rate(stream.target)
    attributes = {
        "BANDWIDTH": str(shown.peak + max((rate.peak for rate in heard), default=0)),
        "AVERAGE-BANDWIDTH": str(shown.mean + max((rate.mean for rate in heard), default=0)),
        "CODECS": _quoted(",".join([video.track.codec, *dict.fromkeys(track.codec for track in sounds)])),
        **_shown(video),
        "FRAME-RATE": f"{video.fps:.3f}",
    }
    if sounds:
        attributes["AUDIO"] = _quoted(_AUDIO)
    if stream.subtitles is not None:
        attributes["SUBTITLES"] = _quoted(_SUBTITLES)
    return _tag("EXT-X-STREAM-INF", attributes | {"CLOSED-CAPTIONS": "NONE"})


def _keyframe_line(video: VideoRendition, target: int) -> str:
    track, rate = video.track, video.track.keyframe_rate(target)
    attributes = {
        "BANDWIDTH": str(rate.peak),
        "AVERAGE-BANDWIDTH": str(rate.mean),
        "CODECS": _quoted(track.codec),
        **_shown(video),
        "URI": _quoted(_keyframes(track)),
    }
    return _tag("EXT-X-I-FRAME-STREAM-INF", attributes)


def _shown(video: VideoRendition) -> dict[str, str]:
    return {"RESOLUTION": f"{video.width}x{video.height}", "VIDEO-RANGE": "SDR"}


def _named(language: str, label: str) -> dict[str, str]:
    return {**({"LANGUAGE": _quoted(language)} if language else {}), "NAME": _quoted(label)}


def _media(track: MediaTrack, target: int) -> str:
    segments = [(one, one.data) for one in track.segments]
    head = [*_head(target), f'#EXT-X-MAP:URI="{track.name}",BYTERANGE="{_range(track.header)}"']
    return _text([*head, *_entries(segments, track.timescale, track.name), "#EXT-X-ENDLIST"])


def _keyframe_playlist(track: MediaTrack, target: int) -> str:
    segments = [(one, one.keyframe) for one in track.segments if one.keyframe is not None]
    head = [*_head(target), "#EXT-X-I-FRAMES-ONLY"]
    head.append(f'#EXT-X-MAP:URI="{track.name}",BYTERANGE="{_range(track.header)}"')
    return _text([*head, *_entries(segments, track.timescale, track.name), "#EXT-X-ENDLIST"])


def _subtitle_media(subtitles: SubtitleRendition, target: int) -> str:
    segments = [(one, one.data) for one in subtitles.segments]
    return _text([*_head(target), *_entries(segments, 1000, SUBTITLES_NAME), "#EXT-X-ENDLIST"])


def _head(target: int) -> list[str]:
    return [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]


def _entries(segments: Sequence[tuple[StreamSegment, ByteRange]], timescale: int, name: str) -> Iterator[str]:
    for segment, data in segments:
        yield f"#EXTINF:{segment.ticks / timescale:.6f},"
        yield f"#EXT-X-BYTERANGE:{_range(data)}"
        yield name


def _range(data: ByteRange) -> str:
    return f"{data.size}@{data.offset}"


def _playlist(track: MediaTrack) -> str:
    return f"{PurePath(track.name).stem}.m3u8"


def _keyframes(track: MediaTrack) -> str:
    # Names of outputs have no dots: no other playlist is called so.
    return f"{PurePath(track.name).stem}.keyframes.m3u8"


def _subtitle_playlist() -> str:
    return f"{PurePath(SUBTITLES_NAME).stem}.m3u8"


def _tag(name: str, attributes: Mapping[str, str]) -> str:
    return f"#{name}:{','.join(f'{key}={value}' for key, value in attributes.items())}"


def _quoted(text: str) -> str:
    # RFC 8216, 4.2: a quoted string has neither line breaks nor quotation marks.
    return '"{}"'.format("".join(c for c in text if c.isprintable()).replace('"', "'"))


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
