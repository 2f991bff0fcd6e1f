"""Slows clips down without touching their pictures: the same packets, shown further apart."""

from fractions import Fraction
from pathlib import Path

import av

from render_service.compositor.clip_decoding import picture_stream
from render_service.compositor.containers import opened
from render_service.compositor.media import DEFAULT_LIMITS, Asset
from render_service.compositor.sniffing import FileClass

_TICKS_PER_SECOND = 90_000


def slow_down(asset: Asset, output: Path, factor: float) -> None:
    """Write a clip that lasts longer; it has no sound, which would be too low.

    Args:
        asset: The clip.
        output: The file to write, a QuickTime file whatever its name, since that takes every codec.
        factor: How many times as long it shall last, at least 1.

    Raises:
        RenderFailure: ASSET_INVALID where the clip cannot be read.
    """
    assert factor >= 1
    with opened(asset, FileClass.CLIP) as (source, _), av.open(str(output), "w", format="mov") as target:
        pictures = picture_stream(asset, source, DEFAULT_LIMITS)
        stream = target.add_stream_from_template(pictures)
        for packet in source.demux(pictures):
            if packet.pts is None or packet.dts is None:
                continue
            # Ticks are few in some files: rounding within them would make the pictures stumble.
            ticks = float(packet.time_base) * _TICKS_PER_SECOND * factor
            pts, dts, duration = (round(value * ticks) for value in (packet.pts, packet.dts, packet.duration or 0))
            packet.time_base = Fraction(1, _TICKS_PER_SECOND)
            packet.pts, packet.dts, packet.duration = pts, dts, duration
            packet.stream = stream
            target.mux(packet)
