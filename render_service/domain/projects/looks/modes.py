"""The defaults of the modes of projects."""

from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.projects.output import AspectRatio
from render_service.domain.projects.project import CaptionStyle, MotionKind, Pacing, ProjectMode, TransitionKind

_PACING = Pacing(timedelta(milliseconds=300), timedelta(milliseconds=1500))
_CUT = timedelta(0)


@dataclass(frozen=True, slots=True)
class ModePreset:
    """The defaults of a mode.

    `caption_scale` multiplies the caption size that the frame's shorter side gives; `narration_as_caption` says
    whether a shot without a caption shows its narration.
    """

    aspect_ratio: AspectRatio
    motion: MotionKind
    transition: TransitionKind
    transition_duration: timedelta
    caption_scale: float
    narration_as_caption: bool
    caption_style: CaptionStyle = CaptionStyle.OUTLINE
    pacing: Pacing = _PACING


MODE_PRESETS = {
    ProjectMode.STANDARD: ModePreset(
        AspectRatio.LANDSCAPE_16_9,
        MotionKind.ZOOM_IN,
        TransitionKind.CROSS_FADE,
        timedelta(milliseconds=500),
        1.0,
        True,
    ),
    ProjectMode.SHORT: ModePreset(AspectRatio.PORTRAIT_9_16, MotionKind.ZOOM_IN, TransitionKind.CUT, _CUT, 1.35, True),
    ProjectMode.SLIDESHOW: ModePreset(
        AspectRatio.LANDSCAPE_16_9,
        MotionKind.NONE,
        TransitionKind.CROSS_FADE,
        timedelta(seconds=1),
        1.0,
        False,
    ),
}
