"""Cuts captions into the segments of a stream: whole WebVTT documents that follow each other in one file."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from render_service.compositor.streaming.model import ByteRange, StreamSegment

# Media begins at time 0 of both clocks (RFC 8216, 3.5).
_HEAD = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"
_TIME = r"(\d{2,}):(\d\d):(\d\d)\.(\d{3})"
_TIMES = re.compile(rf"^{_TIME} --> {_TIME}$", re.MULTILINE)


def write_subtitles(captions: Path, duration: Fraction, starts: Sequence[int], path: Path) -> tuple[StreamSegment, ...]:
    """Write the segments of captions.

    Args:
        captions: The captions as WebVTT, as the service writes them.
        duration: Length of the video in seconds.
        starts: When segments start, in seconds.
        path: The file to write.

    Returns:
        The segments, with times in milliseconds; empty without captions. A caption that is seen in several segments is
        in each of them.
    """
    blocks = captions.read_text(encoding="utf-8").split("\n\n")[1:]
    if not blocks:
        return ()
    cues = [(*_times(block), block.rstrip("\n")) for block in blocks]
    segments, offset = [], 0
    with path.open("wb") as file:
        for start, end in pairwise((*(start * 1000 for start in starts), round(duration * 1000))):
            seen = [block for first, after, block in cues if first < end and after > start]
            content = "\n\n".join((_HEAD.rstrip("\n"), *seen)).encode() + b"\n"
            file.write(content)
            segments.append(StreamSegment(ByteRange(offset, len(content)), end - start))
            offset += len(content)
    return tuple(segments)


def _times(block: str) -> tuple[int, int]:
    """Return when a cue begins and ends, in milliseconds."""
    match = _TIMES.search(block)
    assert match is not None, f"a cue without times: {block!r}"
    numbers = [int(group) for group in match.groups()]
    first, after = (
        ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds
        for hours, minutes, seconds, milliseconds in (numbers[:4], numbers[4:])
    )
    return first, after
