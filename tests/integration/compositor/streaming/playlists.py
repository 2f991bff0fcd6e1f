"""Reads playlists as RFC 8216 and Apple's authoring rules say, and finds what breaks a rule."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]+)')
_RANGE = re.compile(r"(\d+)@(\d+)")


@dataclass(frozen=True)
class Segment:
    """A media segment: seconds, file, first byte and number of bytes."""

    seconds: float
    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class MediaPlaylist:
    """A media playlist: all tags, the header that its segments need, and the segments."""

    tags: dict[str, str]
    header: tuple[int, int] | None
    segments: list[Segment]


def attributes(text: str) -> dict[str, str]:
    """Return an attribute list, its strings without quotation marks."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def tagged(text: str, tag: str) -> list[dict[str, str]]:
    """Return the attributes of all tags of a name."""
    return [attributes(line.partition(":")[2]) for line in text.splitlines() if line.startswith(f"#{tag}:")]


def variants(text: str) -> list[tuple[dict[str, str], str]]:
    """Return the variants of a master playlist with their URIs."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            found.append((attributes(line.partition(":")[2]), lines[number + 1]))
    return found


def read_media(text: str) -> MediaPlaylist:
    """Read a media playlist whose segments are byte ranges."""
    tags, segments, header = {}, [], None
    seconds, offset, size = 0.0, 0, 0
    for line in text.splitlines():
        name, _, value = line.removeprefix("#").partition(":")
        if not line.startswith("#"):
            segments.append(Segment(seconds, line, offset, size))
        elif name == "EXTINF":
            seconds = float(value.rstrip(","))
        elif name == "EXT-X-BYTERANGE":
            size, offset = _byte_range(value)
        elif name == "EXT-X-MAP":
            length, start = _byte_range(attributes(value)["BYTERANGE"])
            header = (start, length)
        else:
            tags[name] = value
    return MediaPlaylist(tags, header, segments)


def broken_rules(folder: Path) -> Iterator[str]:
    """Yield the rules that the stream in a folder breaks."""
    master = (folder / "master.m3u8").read_text()
    if not master.startswith("#EXTM3U\n#EXT-X-VERSION:7\n"):
        yield "a playlist begins with EXTM3U and its version (RFC 8216, 4.3.1)"
    if "#EXT-X-INDEPENDENT-SEGMENTS" not in master:
        yield "segments are independent (Apple 8.18)"
    groups = {(one["TYPE"], one["GROUP-ID"]) for one in tagged(master, "EXT-X-MEDIA")}
    for variant, _ in variants(master):
        yield from _broken_variant(variant, groups)
    if len(tagged(master, "EXT-X-I-FRAME-STREAM-INF")) != len(variants(master)):
        yield "each variant has keyframes for seeking (Apple 6.1)"
    audio = [one for one in tagged(master, "EXT-X-MEDIA") if one["TYPE"] == "AUDIO"]
    if [one["DEFAULT"] for one in audio].count("YES") > 1 or len({one["NAME"] for one in audio}) != len(audio):
        yield "a group has one default, and each member another name (RFC 8216, 4.3.4.1.1)"
    targets = set()
    for path in folder.glob("*.m3u8"):
        if path.name != "master.m3u8":
            playlist = read_media(path.read_text())
            targets.add(playlist.tags["EXT-X-TARGETDURATION"])
            yield from _broken_media(path.name, playlist, folder)
    if len(targets) != 1:
        yield "all playlists have one target duration (RFC 8216, 6.2.4)"
    pictures = [read_media((folder / uri).read_text()) for _, uri in variants(master)]
    bounds = [[round(one.seconds, 3) for one in playlist.segments] for playlist in pictures]
    if any(bound != bounds[0] for bound in bounds):
        yield "segments of all variants are aligned (RFC 8216, 6.2.4)"


def _broken_variant(variant: dict[str, str], groups: set[tuple[str, str]]) -> Iterator[str]:
    wanted = {"BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE", "CLOSED-CAPTIONS"}
    if wanted - variant.keys():
        yield f"a variant says all about itself (Apple 9): {wanted - variant.keys()}"
    if int(variant["BANDWIDTH"]) < int(variant["AVERAGE-BANDWIDTH"]):
        yield "the peak is not below the average"
    for kind in ("AUDIO", "SUBTITLES"):
        if kind in variant and (kind, variant[kind]) not in groups:
            yield "a variant names groups that there are (RFC 8216, 4.3.4.2)"


def _broken_media(name: str, playlist: MediaPlaylist, folder: Path) -> Iterator[str]:
    target = int(playlist.tags["EXT-X-TARGETDURATION"])
    if any(round(one.seconds) > target for one in playlist.segments):
        yield f"{name}: no segment is longer than the target duration (RFC 8216, 4.3.3.1)"
    if "EXT-X-ENDLIST" not in playlist.tags or playlist.tags.get("EXT-X-PLAYLIST-TYPE") != "VOD":
        yield f"{name}: a whole video says so (Apple 8.10)"
    media = playlist.segments[0].name.endswith(".mp4")
    if media == (playlist.header is None):
        yield f"{name}: fragmented MP4 has a map (RFC 8216, 3.3)"
    for segment in playlist.segments:
        content = (folder / segment.name).read_bytes()[segment.offset : segment.offset + segment.size]
        if len(content) != segment.size:
            yield f"{name}: a range lies within its file"
        if media and content[4:8] != b"moof":
            yield f"{name}: a segment is a movie fragment (RFC 8216, 3.3)"
        if not media and not content.startswith(b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"):
            yield f"{name}: a segment of captions is a whole WebVTT with its clock (RFC 8216, 3.5)"


def _byte_range(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    assert match is not None
    return int(match[1]), int(match[2])
