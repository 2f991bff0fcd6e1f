"""The form that all frames of a video share."""

from dataclasses import dataclass

from render_service.domain.projects.output import Container, Quality


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What all segments of a video have in common: sides in pixels, frames per second, quality, file format."""

    width: int
    height: int
    fps: int
    quality: Quality
    container: Container
