"""Writes the manifest of a DASH stream: static, of whole files with an index (ISO/IEC 23009-1, 8.3 on-demand)."""

from math import gcd
from pathlib import PurePath
from xml.etree import ElementTree

from render_service.compositor.streaming.model import (
    CAPTIONS_NAME,
    AudioRendition,
    ByteRange,
    MediaTrack,
    Stream,
    VideoRendition,
)

_ON_DEMAND, _CMAF = "urn:mpeg:dash:profile:isoff-on-demand:2011", "urn:mpeg:dash:profile:cmaf:2019"
_ROLES = "urn:mpeg:dash:role:2011"
_CHANNELS = "urn:mpeg:mpegB:cicp:ChannelConfiguration"


def manifest(stream: Stream) -> str:
    """Return the manifest of a stream; it names files relatively."""
    length = float(max(video.track.duration for video in stream.videos))
    root = ElementTree.Element(
        "MPD",
        {
            "xmlns": "urn:mpeg:dash:schema:mpd:2011",
            "type": "static",
            # Captions are a WebVTT of their own, not a CMAF track.
            "profiles": f"{_ON_DEMAND},{_CMAF}" if stream.subtitles is None else _ON_DEMAND,
            "minBufferTime": f"PT{stream.target}S",
            "mediaPresentationDuration": f"PT{length:.6f}S",
        },
    )
    period = ElementTree.SubElement(root, "Period", {"id": "0", "start": "PT0S"})
    codecs = dict.fromkeys(video.track.codec.partition(".")[0] for video in stream.videos)
    # Players switch within a set, so a set has one codec.
    for codec in codecs:
        _videos(period, [video for video in stream.videos if video.track.codec.startswith(codec)], stream.target)
    for audio in stream.audios:
        _audio(period, audio, stream.target)
    if stream.subtitles is not None:
        attributes = {"contentType": "text", "mimeType": "text/vtt"}
        if stream.subtitles.language:
            attributes["lang"] = stream.subtitles.language
        texts = ElementTree.SubElement(period, "AdaptationSet", attributes)
        _role(texts, "subtitle")
        # ISO/IEC 23009-1, 5.3.5.2: what plays without a stop once the minimum buffer is full; players load all captions
        # before they show the first.
        rate = -(-stream.subtitles.size * 8 // stream.target)
        text = ElementTree.SubElement(texts, "Representation", {"id": _id(CAPTIONS_NAME), "bandwidth": str(rate)})
        ElementTree.SubElement(text, "BaseURL").text = CAPTIONS_NAME
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _videos(period: ElementTree.Element, videos: list[VideoRendition], target: int) -> None:
    first = videos[0]
    shared = gcd(first.width, first.height)
    attributes = {
        "contentType": "video",
        "mimeType": "video/mp4",
        "par": f"{first.width // shared}:{first.height // shared}",
        "maxWidth": str(max(video.width for video in videos)),
        "maxHeight": str(max(video.height for video in videos)),
        **_aligned(),
    }
    group = ElementTree.SubElement(period, "AdaptationSet", attributes)
    _role(group, "main")
    for video in videos:
        form = {"width": str(video.width), "height": str(video.height), "frameRate": str(video.fps), "sar": "1:1"}
        _representation(group, video.track, form, target)


def _audio(period: ElementTree.Element, audio: AudioRendition, target: int) -> None:
    attributes = {"contentType": "audio", "mimeType": "audio/mp4", **_aligned()}
    if audio.language:
        attributes["lang"] = audio.language
    group = ElementTree.SubElement(period, "AdaptationSet", attributes)
    ElementTree.SubElement(group, "Label").text = audio.label
    _role(group, "main" if audio.is_default else "dub")
    one = _representation(group, audio.track, {"audioSamplingRate": str(audio.track.timescale)}, target)
    one.insert(0, ElementTree.Element("AudioChannelConfiguration", {"schemeIdUri": _CHANNELS, "value": "2"}))


def _representation(
    group: ElementTree.Element, track: MediaTrack, form: dict[str, str], target: int
) -> ElementTree.Element:
    attributes = {"id": _id(track.name), "bandwidth": str(track.rate(target).peak), "codecs": track.codec, **form}
    one = ElementTree.SubElement(group, "Representation", attributes)
    ElementTree.SubElement(one, "BaseURL").text = track.name
    base = {"timescale": str(track.timescale), "indexRange": _range(track.index), "indexRangeExact": "true"}
    index = ElementTree.SubElement(one, "SegmentBase", base)
    ElementTree.SubElement(index, "Initialization", {"range": _range(track.header)})
    return one


def _id(file: str) -> str:
    """Return the id of a representation: it is unique, as files are."""
    return PurePath(file).stem


def _aligned() -> dict[str, str]:
    return {"subsegmentAlignment": "true", "subsegmentStartsWithSAP": "1", "startWithSAP": "1"}


def _role(group: ElementTree.Element, role: str) -> None:
    ElementTree.SubElement(group, "Role", {"schemeIdUri": _ROLES, "value": role})


def _range(data: ByteRange) -> str:
    return f"{data.offset}-{data.offset + data.size - 1}"
