"""Decides how many videos one task may encode at once: each encoder that is open takes memory of its own.

Parents import this module, so it loads no codecs.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from render_service.domain.projects.output import Quality, VideoCodec

# MiB a megapixel of a frame that an encoder holds at most, by quality: measured with 75 frames of 3840 × 2160, plus a
# tenth. H.264 and HEVC look ahead the further the better the quality; AV1 has most of its memory from the start.
_MIB_PER_MEGAPIXEL: Mapping[VideoCodec, Mapping[Quality, int]] = {
    VideoCodec.H264: {Quality.DRAFT: 60, Quality.STANDARD: 90, Quality.HIGH: 240},
    VideoCodec.HEVC: {Quality.DRAFT: 130, Quality.STANDARD: 150, Quality.HIGH: 195},
    VideoCodec.AV1: {Quality.DRAFT: 170, Quality.STANDARD: 170, Quality.HIGH: 275},
    VideoCodec.VP9: {Quality.DRAFT: 150, Quality.STANDARD: 135, Quality.HIGH: 135},
    VideoCodec.PRORES_422_HQ: dict.fromkeys(Quality, 15),
}
# What it holds at any size.
_MIB_PER_ENCODER = 70
MOST_MIB = 2048
"""What the encoders of one task may take together: half of its memory; the rest is the process's and the drawings'."""


def encoder_mib(encoded: Mapping[str, Any]) -> float:
    """Return about how many MiB an encoder takes; `encoded` is a `PictureFormat` in canonical form."""
    by_quality = _MIB_PER_MEGAPIXEL[VideoCodec(encoded["codec"])]
    megapixels: float = encoded["width"] * encoded["height"] / 1e6
    return _MIB_PER_ENCODER + by_quality[Quality(encoded["quality"])] * megapixels


def encoded_together(specs: Sequence[bytes]) -> list[list[int]]:
    """Return the places of segments in groups that one task each can encode, by the estimated memory.

    A group of several takes at most `MOST_MIB`; what takes more by itself is alone.

    Args:
        specs: The segments' specs in canonical form.
    """
    needs = []
    for content in specs:
        spec = json.loads(content)
        needs.append(encoder_mib(spec["rendition"] or spec["picture"]))
    groups: list[list[int]] = []
    for place in sorted(range(len(needs)), key=lambda place: -needs[place]):
        fits = (group for group in groups if sum(needs[one] for one in group) + needs[place] <= MOST_MIB)
        group = next(fits, None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return groups
