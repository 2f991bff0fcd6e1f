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
class FramePosition:
    """Which frame of a video, and as what kind of picture file.

    Args:
        image: Format of the picture file.
        shot_id: The shot that `time` counts in; empty for the whole video.
        time: Time from the start of the shot or video; None for its middle.
    """

    image: ImageFormat
    shot_id: str = ""
    time: timedelta | None = None


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """A request for a frame of a video, whose fields are valid. `workspace_id` is the caller's workspace."""

    workspace_id: str
    spec: RenderSpec
    position: FramePosition


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
