"""Checks an animated WebP. libav cannot read one: it takes it for a picture without a size."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from render_service.compositor.media.assets import Media
from render_service.compositor.verification.failure import fail
from render_service.compositor.verification.pictures import CodedFrame, Luma, check_pictures, quartered
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.timeline import Timeline

_CHUNK_HEADER = 8
_FRAME_HEADER = 16


@dataclass(frozen=True, slots=True)
class _Animation:
    """What an animated WebP is made of: sides in pixels, and the bytes and the end in milliseconds of each picture.

    A picture that equals the one before is not stored: that one lasts longer.
    """

    width: int
    height: int
    sizes: Sequence[int]
    ends: Sequence[int]


def check_webp(path: Path, timeline: Timeline, spec: RenderSpec, media: Media) -> dict[str, Any]:
    """Check a finished animated WebP; see `video.check_video`.

    Raises:
        RenderFailure: CHECK_FAILED.
    """
    animation, output = _read(path), spec.output
    size = f"{animation.width}x{animation.height}"
    if (animation.width, animation.height) != (output.width, output.height):
        fail("frame_size", f"{output.width}x{output.height}", size)
    starts = [0, *animation.ends[:-1]]
    times = [round(number * 1000 / output.fps) for number in range(timeline.frames)]
    # The encoder shows the last picture as long as the one before it, in whole milliseconds.
    if abs(animation.ends[-1] - timeline.frames * 1000 / output.fps) > 1:
        fail("duration", f"{timeline.frames / output.fps:.3f} s", f"{animation.ends[-1] / 1000:.3f} s")
    if not set(starts) <= set(times):
        fail("frame_times", f"every {1 / output.fps:.6f} s", "times between frames")
    shown = [bisect_right(starts, time) - 1 for time in times]
    first = [number == 0 or shown[number - 1] != picture for number, picture in enumerate(shown)]
    frames = [
        CodedFrame(animation.sizes[picture] if new else 0, number == 0)
        for number, (picture, new) in enumerate(zip(shown, first, strict=True))
    ]
    found = check_pictures(lambda wanted: _decoded(path, shown, wanted), frames, timeline, spec, media)
    return {
        "frame_size": size,
        "frames": timeline.frames,
        "duration_seconds": round(timeline.frames / output.fps, 6),
        **found,
    }


def _read(path: Path) -> _Animation:
    """Read the structure of a file: the chunks `VP8X` and `ANMF` of RFC 9649, section 2.7."""
    content = path.read_bytes()
    if content[:4] != b"RIFF" or content[8:16] != b"WEBPVP8X":
        fail("container", "an animated WebP", content[:16].hex())
    sizes, ends, at, elapsed = [], [], 12, 0
    while at + _CHUNK_HEADER <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        body = at + _CHUNK_HEADER
        if content[at : at + 4] == b"ANMF":
            elapsed += int.from_bytes(content[body + 12 : body + 15], "little")
            sizes.append(size - _FRAME_HEADER)
            ends.append(elapsed)
        at = body + size + size % 2
    if not sizes:
        fail("frame_count", "at least 1", 0)
    width, height = (1 + int.from_bytes(content[place : place + 3], "little") for place in (24, 27))
    return _Animation(width, height, sizes, ends)


def _decoded(path: Path, shown: Sequence[int], wanted: Sequence[int]) -> Mapping[int, Luma]:
    """Decode frames, given which picture is shown in each; return limited-range luma."""
    lumas = {}
    with Image.open(path) as animation:
        for number in wanted:
            animation.seek(shown[number])
            luma = np.asarray(animation.convert("L"), np.float32) * (219 / 255) + 16
            lumas[number] = quartered(luma.astype(np.uint8))
    return lumas
