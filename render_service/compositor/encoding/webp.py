"""Encodes segments as an animated WebP."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from render_service.compositor.encoding.encoder import decoded_frames
from render_service.domain.projects.output import Quality

# WebP counts time in milliseconds.
_TICK = Fraction(1, 1000)
# libwebp's quality, 0–100.
_QUALITY = {Quality.DRAFT: 50, Quality.STANDARD: 75, Quality.HIGH: 90}


def write_webp(segments: Sequence[Path], fps: int, quality: Quality, path: Path) -> None:
    """Write an animated WebP that loops forever.

    Args:
        segments: The segment files in order.
        fps: Frames per second.
        quality: Trades size against sharpness.
        path: The file to write.
    """
    options = {"compression_level": "2", "quality": str(_QUALITY[quality])}
    with av.open(str(path), "w", format="webp", options={"loop": "0"}) as output:
        stream: VideoStream | None = None
        for number, frame in enumerate(decoded_frames(segments)):
            if stream is None:
                added = output.add_stream("libwebp_anim", rate=fps, options=options)
                assert isinstance(added, VideoStream)
                stream = added
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
                stream.codec_context.time_base = _TICK
            # WebP has no tag for its colors: every reader takes them for those of BT.601.
            drawn = frame.reformat(src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU601)
            drawn.pts, drawn.time_base = round(number * 1000 / fps), _TICK
            output.mux(stream.encode(drawn))
        assert stream is not None
        output.mux(stream.encode(None))
