"""The format that all frames of a video share."""

from dataclasses import dataclass

from render_service.domain.projects.output import Container, Quality


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The format of all segments of a video: sides in pixels, frames per second, quality, container."""

    width: int
    height: int
    fps: int
    quality: Quality
    container: Container
