"""Checks the media files of a stream against the finished videos that they were made from.

`text_checking` checks the playlists and the manifest that list their segments.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from render_service.compositor.media.decode_errors import is_of_machine
from render_service.compositor.streaming.model import ByteRange, MediaTrack
from render_service.compositor.streaming.tracks import frame_rate
from render_service.compositor.verification.failure import fail


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a player finds in a track: how many packets, when they are seen or heard, and a hash of it all.

    `first` and `last` are in pictures or samples.
    """

    packets: int
    first: int
    last: int
    hashed: str

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream | AudioStream, rate: int) -> Self:
        """Read a track with so many pictures or samples a second."""
        count, first, last, hashed = 0, None, 0, hashlib.sha256()
        for packet in container.demux(stream):
            if not packet.size or packet.pts is None or packet.time_base is None:
                continue
            at = round(packet.pts * packet.time_base * rate)
            hashed.update(f"{at} {int(packet.is_keyframe)} {packet.size} ".encode())
            hashed.update(memoryview(packet))
            first = at if first is None else min(first, at)
            last = max(last, at)
            count += 1
        return cls(count, first or 0, last, hashed.hexdigest())


def check_track(video: Path, place: int | None, path: Path, track: MediaTrack) -> None:
    """Check a media file of a stream against the finished video that it was made from, which has passed its own check.

    Its packets are those of the video, at the same times; and each segment of pictures begins with a keyframe, which
    decodes from its own bytes.

    Args:
        video: The finished video.
        place: The place of the track among those of sound; None for the pictures.
        path: The media file.
        track: What is known of it.

    Raises:
        RenderFailure: CHECK_FAILED with the name of the check.
        OSError, MemoryError: The machine lacks something or fails.
    """
    try:
        with av.open(str(video)) as source, av.open(str(path)) as copy:
            original = _stream(source, place)
            rate = frame_rate(original) if isinstance(original, VideoStream) else original.rate
            wanted = _Facts.of(source, original, rate)
            found = _Facts.of(copy, _stream(copy, None if place is None else 0), rate)
            if wanted != found:
                fail("stream_packets", wanted, found)
        if place is None:
            _check_keyframes(path, track)
    except FFmpegError as error:
        if is_of_machine(error):
            raise
        fail("stream_decode", "segments that can be decoded", error)


def _stream(container: InputContainer, place: int | None) -> VideoStream | AudioStream:
    return container.streams.video[0] if place is None else container.streams.audio[place]


def _check_keyframes(path: Path, track: MediaTrack) -> None:
    """Decode the first picture of each segment as a player does that seeks."""
    with path.open("rb") as file:
        header = _read(file, track.header)
        for number, segment in enumerate(track.segments):
            assert segment.keyframe is not None
            with av.open(io.BytesIO(header + _read(file, segment.keyframe)), "r", format="mp4") as part:
                picture = next(part.decode(video=0), None)
            if picture is None or not picture.key_frame:
                fail("stream_keyframes", f"a keyframe at the start of segment {number}", "none")


def _read(file: BinaryIO, part: ByteRange) -> bytes:
    file.seek(part.offset)
    return file.read(part.size)
