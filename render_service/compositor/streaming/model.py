"""What is known of the files of a stream: the input of playlists and manifest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MASTER_NAME = "master.m3u8"
MANIFEST_NAME = "manifest.mpd"
CAPTIONS_NAME = "captions.vtt"
SUBTITLES_NAME = "subtitles.vtt"


def video_file(output: str) -> str:
    """Return the file of an output's pictures; `output` is its name, empty where the job has one video."""
    return f"video-{output}.mp4" if output else "video.mp4"


def sound_file(place: int, language: str) -> str:
    """Return the file of the track of sound at a place; further ones are named by their BCP 47 tags."""
    return f"audio-{language.lower()}.mp4" if place else "audio.mp4"


# A rest of less is part of the segment before it, whose length is still rounded to the target (RFC 8216, 4.3.3.1):
# players stumble over segments of a few pictures.
_SHORTEST_LAST = Fraction(2, 5)


def segment_starts(duration: Fraction, target: int) -> tuple[int, ...]:
    """Return when the segments of a stream start, in seconds.

    Args:
        duration: Length of the video in seconds.
        target: Length of the segments in seconds.
    """
    return (0, *range(target, math.ceil(duration - _SHORTEST_LAST), target))


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Some of the bytes of a file."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class StreamSegment:
    """A segment of a media file.

    Args:
        data: Its bytes in the file.
        ticks: How long it plays.
        keyframe: The bytes that decode its first picture: its head and the picture itself; sound has none.
    """

    data: ByteRange
    ticks: int
    keyframe: ByteRange | None = None


@dataclass(frozen=True, slots=True)
class MediaTrack:
    """A media file of a stream: one track, in segments.

    Args:
        name: The file's name.
        codec: Its codec as RFC 6381 names it.
        timescale: Ticks a second.
        header: The bytes that a player reads before any segment.
        index: The segment index.
        segments: In order.
    """

    name: str
    codec: str
    timescale: int
    header: ByteRange
    index: ByteRange
    segments: tuple[StreamSegment, ...]

    @property
    def duration(self) -> Fraction:
        """How long it plays, in seconds."""
        return Fraction(sum(one.ticks for one in self.segments), self.timescale)

    def rate(self, target: int) -> "BitRate":
        """Return the bits a second of all segments; `target` is their length in seconds."""
        return _bit_rate([(one.data.size, one.ticks) for one in self.segments], target, self.timescale)

    def keyframe_rate(self, target: int) -> "BitRate":
        """Return the bits a second of the keyframes alone, each seen as long as its segment."""
        sizes = [(one.keyframe.size, one.ticks) for one in self.segments if one.keyframe is not None]
        return _bit_rate(sizes, target, self.timescale)


@dataclass(frozen=True, slots=True)
class BitRate:
    """Bits a second, rounded up: at the peak and on average."""

    peak: int
    mean: int


def _bit_rate(sizes: Sequence[tuple[int, int]], target: int, timescale: int) -> BitRate:
    """Return the bit rate of segments with so many bytes and ticks each.

    RFC 8216, 4.1: the peak is that of segments which follow each other and last half to one and a half of the target
    duration together; where there are none, that of all.
    """
    total = _bits(sum(size for size, _ in sizes), sum(ticks for _, ticks in sizes), timescale)
    least, most = target * timescale, 3 * target * timescale
    peaks = []
    for first in range(len(sizes)):
        size = ticks = 0
        for more, length in sizes[first:]:
            size, ticks = size + more, ticks + length
            if 2 * ticks > most:
                break
            if 2 * ticks >= least:
                peaks.append(_bits(size, ticks, timescale))
    return BitRate(max([total, *peaks]), total)


def _bits(size: int, ticks: int, timescale: int) -> int:
    return -(-size * 8 * timescale // ticks)


@dataclass(frozen=True, slots=True)
class VideoRendition:
    """The pictures of one output; `name` is that of the output, empty where the job has one video."""

    name: str
    track: MediaTrack
    width: int
    height: int
    fps: int


@dataclass(frozen=True, slots=True)
class AudioRendition:
    """The sound in one language; `language` is a BCP 47 tag, empty where it is unknown."""

    track: MediaTrack
    language: str
    label: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class SubtitleRendition:
    """The captions in segments, each a whole WebVTT.

    Args:
        language: A BCP 47 tag, empty where it is unknown.
        label: For viewers.
        segments: Bytes of each in `SUBTITLES_NAME`, and how long it lasts in milliseconds.
        is_burned: Whether the pictures show the captions, too.
        size: Bytes of `CAPTIONS_NAME`, which holds all captions as one WebVTT.
    """

    language: str
    label: str
    segments: tuple[StreamSegment, ...]
    is_burned: bool
    size: int


@dataclass(frozen=True, slots=True)
class Stream:
    """All renditions of a stream, the largest picture first; `target` is the length of segments in seconds."""

    target: int
    videos: tuple[VideoRendition, ...]
    audios: tuple[AudioRendition, ...]
    subtitles: SubtitleRendition | None
