"""A request for one frame of a video."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from render_service.domain.jobs.job import RenderSpec


class ImageFormat(StrEnum):
    """File formats of a picture."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"

    @property
    def content_type(self) -> str:
        """The media type of a file of this format."""
        return f"image/{self.value}"


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """A request for the picture at a time of a video, whose fields are valid.

    Args:
        workspace_id: The caller's workspace.
        spec: The video.
        image: Format of the picture file.
        shot_id: The shot that `time` counts in; empty for the whole video.
        time: Time from the start of the shot or video; None for its middle.
    """

    workspace_id: str
    spec: RenderSpec
    image: ImageFormat
    shot_id: str = ""
    time: timedelta | None = None


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Where a frame lies.

    Args:
        number: Number of the frame in the video.
        shot_id: The shot that is seen; in a transition, the incoming one.
        frames: Length of the video in frames.
    """

    number: int
    shot_id: str
    frames: int
