"""Checks the written playlists and manifest of a stream against the files that they name, as players read them."""

import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from render_service.compositor.streaming.model import CAPTIONS_NAME, MANIFEST_NAME, MASTER_NAME, ByteRange
from render_service.compositor.verification.failure import fail

_PLAYLIST, _MANIFEST = "stream_playlist", "stream_manifest"
_MPD = "{urn:mpeg:dash:schema:mpd:2011}"
_WRITTEN = Fraction(1, 1_000_000)  # times are written in microseconds
_URI = re.compile(r'URI="([^"]*)"')
_MAP = re.compile(r'#EXT-X-MAP:URI="([^"]+)",BYTERANGE="(\d+)@(\d+)"')
_ENTRY = re.compile(r"#EXTINF:(\d+\.\d+),\n#EXT-X-BYTERANGE:(\d+)@(\d+)\n([^#\n]+)\n")
_TARGET = re.compile(r"^#EXT-X-TARGETDURATION:(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file whose segments are listed: how many seconds it plays, and by how many its segments may differ."""

    name: str
    duration: Fraction
    tolerance: Fraction


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist as it is written: `header` is what a player reads before any segment of `file`."""

    name: str
    file: str
    target: int
    shows_keyframes: bool
    header: ByteRange | None
    seconds: tuple[Fraction, ...]
    ranges: tuple[ByteRange, ...]


def read_playlists(folder: Path) -> Mapping[str, Playlist]:
    """Read all playlists of segments, and check that the master playlist names each once, and nothing else.

    Raises:
        RenderFailure: CHECK_FAILED.
    """
    master = (folder / MASTER_NAME).read_text(encoding="utf-8")
    named = _URI.findall(master) + [line for line in master.splitlines() if line and not line.startswith("#")]
    there = {path.name for path in folder.glob("*.m3u8")} - {MASTER_NAME}
    if sorted(named) != sorted(there):
        fail(_PLAYLIST, f"{MASTER_NAME} to name each of {sorted(there)} once", sorted(named))
    found = {name: _read(folder / name) for name in named}
    targets = {playlist.target for playlist in found.values()}
    if len(targets) != 1:
        fail(_PLAYLIST, "one target duration in all playlists", sorted(targets))
    return found


def check_playlists(folder: Path, playlists: Mapping[str, Playlist], listed: ListedFile) -> None:
    """Check the playlists of a file.

    One lists segments that follow each other to the end of the file and last as long as the video; another may list
    the keyframes at their starts, at the same times. None is longer than the target duration.

    Args:
        folder: Where the stream lies.
        playlists: Those of the stream.
        listed: The file.

    Raises:
        RenderFailure: CHECK_FAILED.
    """
    own = [playlist for playlist in playlists.values() if playlist.file == listed.name]
    whole = [playlist for playlist in own if not playlist.shows_keyframes]
    if len(whole) != 1:
        fail(_PLAYLIST, f"one playlist of the segments of {listed.name}", [playlist.name for playlist in whole])
    with (folder / listed.name).open("rb") as file:
        _check_segments(file, whole[0])
    _check_times(whole[0], listed)
    for keyframes in (playlist for playlist in own if playlist.shows_keyframes):
        _check_keyframes(keyframes, whole[0])


def check_manifest(folder: Path, media: Sequence[ListedFile]) -> None:
    """Check the manifest: unique ids, files that exist, and indexes that lead to the end of their files.

    Args:
        folder: Where the stream lies.
        media: All its files of pictures and sound.

    Raises:
        RenderFailure: CHECK_FAILED.
    """
    try:
        root = ElementTree.parse(folder / MANIFEST_NAME).getroot()  # noqa: S314 - the service wrote it
    except ElementTree.ParseError as error:
        fail(_MANIFEST, f"{MANIFEST_NAME} to be XML", error)
    length, wanted = root.get("mediaPresentationDuration", ""), max(listed.duration for listed in media)
    if abs(_seconds(length) - wanted) > _WRITTEN:
        fail(_MANIFEST, f"a presentation of {float(wanted):.6f} s", length)
    representations = [*root.iter(f"{_MPD}Representation")]
    ids = [one.get("id") for one in representations]
    if len({*ids}) != len(ids):
        fail(_MANIFEST, "ids that differ", ids)
    named = {one.findtext(f"{_MPD}BaseURL") or "": one for one in representations}
    captions = {CAPTIONS_NAME} if (folder / CAPTIONS_NAME).exists() else set()
    files = {listed.name for listed in media} | captions
    if {*named} != files or len(named) != len(representations):
        fail(_MANIFEST, f"each of {sorted(files)} once", sorted(named))
    for listed in media:
        with (folder / listed.name).open("rb") as file:
            _check_index(file, named[listed.name], listed)


def _read(path: Path) -> Playlist:
    text = path.read_text(encoding="utf-8")
    entries, target, header = _ENTRY.findall(text), _TARGET.search(text), _MAP.search(text)
    names = {entry[3] for entry in entries} | ({header[1]} if header is not None else set())
    if target is None or not text.endswith("#EXT-X-ENDLIST\n") or not entries or len(names) != 1:
        fail(_PLAYLIST, f"{path.name} to list segments of one file to its end", sorted(names))
    if len(entries) != text.count("#EXTINF"):
        fail(_PLAYLIST, f"a duration, a range and a file for each segment of {path.name}", f"{len(entries)} of them")
    return Playlist(
        path.name,
        names.pop(),
        int(target[1]),
        "#EXT-X-I-FRAMES-ONLY\n" in text,
        ByteRange(int(header[3]), int(header[2])) if header is not None else None,
        tuple(Fraction(seconds) for seconds, _, _, _ in entries),
        tuple(ByteRange(int(offset), int(size)) for _, size, offset, _ in entries),
    )


def _check_segments(file: BinaryIO, playlist: Playlist) -> None:
    """Check that segments follow each other from the header and index to the end, and begin as their kind does."""
    at, start = 0, b"WEBVTT\n"
    if playlist.header is not None:
        at, start = _end(playlist.header), b"moof"
        size, kind = struct.unpack(">I4s", _bytes(file, at, 8).ljust(8))
        if playlist.header.offset or kind != b"sidx":
            fail(_PLAYLIST, f"a header of {playlist.name} that ends where the index begins", kind)
        at += size
    for number, segment in enumerate(playlist.ranges):
        if segment.offset != at:
            fail(_PLAYLIST, f"segment {number} of {playlist.name} at byte {at}", segment.offset)
        if start not in _bytes(file, at, 8):
            fail(_PLAYLIST, f"segment {number} of {playlist.name} to begin with {start!r}", _bytes(file, at, 8))
        at = _end(segment)
    length = file.seek(0, 2)
    if at != length:
        fail(_PLAYLIST, f"segments of {playlist.name} to byte {length}, the end of {playlist.file}", at)


def _check_times(playlist: Playlist, listed: ListedFile) -> None:
    total = sum(playlist.seconds, Fraction())
    if abs(total - listed.duration) > listed.tolerance + _WRITTEN * len(playlist.seconds):
        fail(_PLAYLIST, f"segments of {playlist.name} of {float(listed.duration):.6f} s", f"{float(total):.6f} s")
    # RFC 8216, 4.3.3.1: rounded to the nearest whole second, no segment is longer than the target duration.
    longest = max(playlist.seconds)
    if math.floor(longest + Fraction(1, 2)) > playlist.target:
        fail(_PLAYLIST, f"segments of {playlist.name} of at most {playlist.target} s", f"{float(longest):.6f} s")


def _check_keyframes(keyframes: Playlist, whole: Playlist) -> None:
    if (keyframes.seconds, keyframes.header) != (whole.seconds, whole.header):
        fail(_PLAYLIST, f"{keyframes.name} to have the header and the times of {whole.name}", "others")
    for number, (keyframe, segment) in enumerate(zip(keyframes.ranges, whole.ranges, strict=True)):
        if keyframe.offset != segment.offset or not 0 < keyframe.size <= segment.size:
            fail(_PLAYLIST, f"keyframe {number} of {keyframes.name} at the start of {segment}", keyframe)


def _check_index(file: BinaryIO, representation: ElementTree.Element, listed: ListedFile) -> None:
    """Check that a representation points at header and index, and that the index covers file and video."""
    base = representation.find(f"{_MPD}SegmentBase")
    header = representation.find(f"{_MPD}SegmentBase/{_MPD}Initialization")
    if base is None or header is None:
        fail(_MANIFEST, f"a header and an index of {listed.name}", "none")
    first, last = _bounds(base.get("indexRange", ""))
    if _bounds(header.get("range", "")) != (0, first - 1):
        fail(_MANIFEST, f"a header of {listed.name} from 0 to {first - 1}", header.get("range"))
    content = _bytes(file, first, last + 1 - first)
    if len(content) < 40 or struct.unpack_from(">I4s", content) != (len(content), b"sidx"):
        fail(_MANIFEST, f"the index of {listed.name} at {first}-{last}", content[:8])
    # ISO/IEC 14496-12, 8.16.3, version 1: the timescale, and after the head 12 bytes for each segment.
    (timescale,) = struct.unpack_from(">I", content, 16)
    entries = [*struct.iter_unpack(">III", content[40:])]
    end, length = last + 1 + sum(size for size, _, _ in entries), file.seek(0, 2)
    if end != length:
        fail(_MANIFEST, f"segments of {listed.name} to byte {length}", end)
    total = Fraction(sum(ticks for _, ticks, _ in entries), timescale)
    if str(timescale) != base.get("timescale") or abs(total - listed.duration) > listed.tolerance:
        fail(_MANIFEST, f"segments of {listed.name} of {float(listed.duration):.6f} s", f"{float(total):.6f} s")


def _bytes(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _end(data: ByteRange) -> int:
    return data.offset + data.size


def _bounds(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    return (int(match[1]), int(match[2])) if match is not None else (0, 0)


def _seconds(text: str) -> Fraction:
    match = re.fullmatch(r"PT(\d+\.\d+)S", text)
    return Fraction(match[1]) if match is not None else Fraction()
