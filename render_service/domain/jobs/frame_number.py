"""Finds the frame of a video that a request asks for."""

from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FramePosition
from render_service.domain.projects.timeline import Timeline


def frame_number(timeline: Timeline, wanted: FramePosition) -> int:
    """Return the number of a frame in the video.

    Raises:
        RenderFailure: INVALID_FIELD, with the metadata `field` and `fault`: there is no such shot, or it is shorter.
    """
    start, frames, what = 0, timeline.frames, "video"
    if wanted.shot_id:
        shot = next((shot for shot in timeline.shots if shot.shot_id == wanted.shot_id), None)
        if shot is None:
            raise _fault("shot_id", "must be the id of a shot of the video")
        start, frames, what = shot.start, shot.frames, "shot"
    if wanted.time is None:
        return start + frames // 2
    # A time that a duration's nanoseconds cannot hold exactly is rounded to the frame that is meant.
    number = int(wanted.time.total_seconds() * timeline.fps + 1e-3)
    if number >= frames:
        raise _fault("time", f"must be less than {frames / timeline.fps:.3f} s, the length of the {what}")
    return start + number


def _fault(field: str, fault: str) -> RenderFailure:
    return RenderFailure(ErrorReason.INVALID_FIELD, f"{field} {fault}", {"field": field, "fault": fault})
