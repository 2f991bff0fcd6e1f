"""Slows clips down without decoding: the same packets with stretched times."""

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from render_service.compositor.media.assets import DEFAULT_LIMITS, Asset
from render_service.compositor.media.demuxing import open_media
from render_service.compositor.media.video_decoding import picture_stream
from render_service.domain.projects.file_signatures import FileClass

_TICKS_PER_SECOND = 90_000
# QuickTime keeps exact times but does not hold the web's codecs; MP4 holds some of them. Matroska holds any codec, but
# keeps times to the millisecond only.
_FORMATS = {
    **dict.fromkeys(("h264", "hevc", "mpeg4", "mpeg2video", "mpeg1video", "prores", "dnxhd", "mjpeg", "png"), "mov"),
    **dict.fromkeys(("vp9", "av1", "libdav1d"), "mp4"),
}


def slow_down(asset: Asset, output: Path, factor: float) -> None:
    """Write a slower copy of a clip, without its sound, whose pitch would drop.

    Args:
        asset: The clip.
        output: The file to write; its container follows from the codec, not from the name.
        factor: New duration / old duration, ≥ 1.

    Raises:
        RenderFailure: ASSET_INVALID where the clip cannot be read.
    """
    assert factor >= 1
    with open_media(asset, FileClass.CLIP) as (source, _):
        pictures = picture_stream(asset, source, DEFAULT_LIMITS)
        _retime(source, pictures, output, factor)


def _retime(source: InputContainer, pictures: VideoStream, output: Path, factor: float) -> None:
    with av.open(str(output), "w", format=_FORMATS.get(pictures.codec_context.name, "matroska")) as target:
        # Opaque: copied as it is, even if this build has no encoder for the codec.
        stream = target.add_stream_from_template(pictures, opaque=True)
        for packet in source.demux(pictures):
            if packet.pts is None or packet.dts is None:
                continue
            # Some files have coarse ticks; rounding to them would make the motion judder.
            ticks = float(packet.time_base) * _TICKS_PER_SECOND * factor
            pts, dts, duration = (round(value * ticks) for value in (packet.pts, packet.dts, packet.duration or 0))
            packet.time_base = Fraction(1, _TICKS_PER_SECOND)
            packet.pts, packet.dts, packet.duration = pts, dts, duration
            packet.stream = stream
            target.mux(packet)
