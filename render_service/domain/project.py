"""What a video is to show and say: the project, its storyboard and its shots."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from render_service.domain.output import AspectRatio, OutputOptions


class ProjectMode(StrEnum):
    """Named presets for picture shape, captions and rhythm."""

    STANDARD = "standard"
    SHORT = "short"
    SLIDESHOW = "slideshow"


class ProjectStatus(StrEnum):
    """How far a project has come; kept in step with its latest job."""

    PENDING = "pending"
    PROCESSING = "processing"
    SCRIPT_READY = "script_ready"
    COMPLETED = "completed"
    FAILED = "failed"


class MotionKind(StrEnum):
    """Camera movements over a still picture."""

    NONE = "none"
    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PAN_UP = "pan_up"
    PAN_DOWN = "pan_down"


class TransitionKind(StrEnum):
    """Ways from one shot into the next."""

    CUT = "cut"
    CROSS_FADE = "cross_fade"


@dataclass(frozen=True, slots=True)
class Motion:
    """A camera movement; the focus is a fraction 0–1 of the picture's sides, from the top left."""

    kind: MotionKind | None = None
    focus_x: float = 0.5
    focus_y: float = 0.5


@dataclass(frozen=True, slots=True)
class Transition:
    """The way from the previous shot into this one; None means: the mode decides."""

    kind: TransitionKind | None = None
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of the storyboard with what is said over it.

    `caption` None means: the narration is drawn; an empty one draws nothing. `duration` None means: the shot's share.
    """

    id: str
    visual_description: str = ""
    narration: str = ""
    caption: str | None = None
    duration: timedelta | None = None
    image_uri: str = ""
    clip_uri: str = ""
    narration_audio_uri: str = ""
    motion: Motion = field(default_factory=Motion)
    transition: Transition = field(default_factory=Transition)


@dataclass(frozen=True, slots=True)
class Music:
    """A sound bed under the whole video; `volume` is a linear gain 0–1."""

    uri: str
    volume: float = 0.3


@dataclass(frozen=True, slots=True)
class Project:
    """A script and a storyboard, with the preset and the length they are to be rendered at."""

    title: str = ""
    mode: ProjectMode = ProjectMode.STANDARD
    target_duration: timedelta | None = None
    script: str = ""
    shots: tuple[Shot, ...] = ()
    music: Music | None = None
    language: str = ""
    output: OutputOptions = field(default_factory=OutputOptions)


@dataclass(frozen=True, slots=True)
class ModePreset:
    """What a mode decides where the project says nothing.

    `caption_scale` multiplies the caption size that the frame's shorter side gives; `narration_as_caption` tells
    whether a shot without a caption shows its narration.
    """

    aspect_ratio: AspectRatio
    motion: MotionKind
    transition: TransitionKind
    transition_duration: timedelta
    caption_scale: float
    narration_as_caption: bool


MODE_PRESETS = {
    ProjectMode.STANDARD: ModePreset(
        AspectRatio.LANDSCAPE_16_9,
        MotionKind.ZOOM_IN,
        TransitionKind.CROSS_FADE,
        timedelta(milliseconds=500),
        1.0,
        True,
    ),
    ProjectMode.SHORT: ModePreset(
        AspectRatio.PORTRAIT_9_16, MotionKind.ZOOM_IN, TransitionKind.CUT, timedelta(0), 1.35, True
    ),
    ProjectMode.SLIDESHOW: ModePreset(
        AspectRatio.LANDSCAPE_16_9,
        MotionKind.NONE,
        TransitionKind.CROSS_FADE,
        timedelta(seconds=1),
        1.0,
        False,
    ),
}
