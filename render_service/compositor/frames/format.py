"""The format that all frames of a video share."""

from dataclasses import dataclass

from render_service.domain.projects.output import Quality, VideoCodec


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The format of all segments of a video: sides in pixels, frames per second, quality, codec."""

    width: int
    height: int
    fps: int
    quality: Quality
    codec: VideoCodec
