"""Slows clips down without touching their pictures: the same packets, shown further apart."""

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from render_service.compositor.media.assets import DEFAULT_LIMITS, Asset
from render_service.compositor.media.demuxing import opened
from render_service.compositor.media.sniffing import FileClass
from render_service.compositor.media.video_decoding import picture_stream

_TICKS_PER_SECOND = 90_000
# QuickTime files keep times to the tick, but do not take the web's codecs, of which MP4 files take some. Matroska takes
# whatever there is, and keeps times to the millisecond only.
_FORMATS = {
    **dict.fromkeys(("h264", "hevc", "mpeg4", "mpeg2video", "mpeg1video", "prores", "dnxhd", "mjpeg", "png"), "mov"),
    **dict.fromkeys(("vp9", "av1", "libdav1d"), "mp4"),
}


def slow_down(asset: Asset, output: Path, factor: float) -> None:
    """Write a clip that lasts longer; it has no sound, which would be too low.

    Args:
        asset: The clip.
        output: The file to write, of the form that suits the codec whatever its name.
        factor: How many times as long it shall last, at least 1.

    Raises:
        RenderFailure: ASSET_INVALID where the clip cannot be read.
    """
    assert factor >= 1
    with opened(asset, FileClass.CLIP) as (source, _):
        pictures = picture_stream(asset, source, DEFAULT_LIMITS)
        _retime(source, pictures, output, factor)


def _retime(source: InputContainer, pictures: VideoStream, output: Path, factor: float) -> None:
    with av.open(str(output), "w", format=_FORMATS.get(pictures.codec_context.name, "matroska")) as target:
        # Opaque: as it is, also where there is no encoder for such pictures here.
        stream = target.add_stream_from_template(pictures, opaque=True)
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
