"""What the length of a video decides: whether its format can hold it, and which frame its poster shows."""

from datetime import timedelta

from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.output import Container, OutputSpec
from render_service.domain.projects.project import NarrationPolicy, Project, Shot
from render_service.domain.projects.sequence import sequence
from render_service.domain.projects.timeline import Timeline, plan_timeline
from render_service.domain.projects.validation import LONGEST_VIDEO

# WebP animations are encoded and read as a whole.
LONGEST_WEBP = timedelta(minutes=10)


def poster_frame(timeline: Timeline, time: timedelta) -> int:
    """Return the number of the frame that a video shows at a time.

    Args:
        timeline: The video.
        time: From its start; not negative.

    Raises:
        RenderFailure: INVALID_FIELD, with the metadata `field` and `fault`: the video is over by then.
    """
    fault = _fault(timeline, time)
    if fault is not None:
        field = "output.poster_time"
        raise RenderFailure(ErrorReason.INVALID_FIELD, f"{field} {fault}", {"field": field, "fault": fault})
    return _number(timeline, time)


def poster_fault(project: Project, output: OutputSpec) -> str | None:
    """Return why a video has no frame at the time that its poster is to show, in words that follow the field's name.

    None where it has one, and where only its files can tell.
    """
    if output.poster_time is None or not _has_known_length(project):
        return None
    return _fault(plan_timeline(project, output.fps, {}), output.poster_time)


def length_fault(project: Project, output: OutputSpec) -> str | None:
    """Return why the format of an output cannot hold a video as long as a project's, in words that follow a field.

    None where it can, and where only the project's files can tell.
    """
    most = longest_video(output)
    if _is_surely_shorter(project, output, timedelta(seconds=most)) or not _has_known_length(project):
        return None
    if plan_timeline(project, output.fps, {}).frames <= most * output.fps:
        return None
    return f"must be another one: a video of more than {most:,} s does not fit into {output.container.name}"


def longest_video(output: OutputSpec) -> int:
    """Return how many seconds a video in the format of an output may last."""
    longest = LONGEST_WEBP if output.container is Container.WEBP else LONGEST_VIDEO
    return int(longest.total_seconds())


def _is_surely_shorter(project: Project, output: OutputSpec, most: timedelta) -> bool:
    """Return whether a video of known length is shorter without a plan, which costs more than all else of a small one.

    Transitions only shorten it, and a shot is at most a frame longer than its duration says.
    """
    placed = sequence(project)
    said = sum((one.shot.duration or timedelta(0) for one in placed), timedelta(0))
    return said + len(placed) * timedelta(seconds=1) / output.fps <= most


def _has_known_length(project: Project) -> bool:
    placed = sequence(project)
    extends = project.narration_policy is NarrationPolicy.EXTEND and any(_may_be_heard(one.shot) for one in placed)
    return not extends and all(one.shot.duration is not None for one in placed)


def _may_be_heard(shot: Shot) -> bool:
    return bool(shot.narration or shot.narration_audio_uri)


def _number(timeline: Timeline, time: timedelta) -> int:
    # A time that a duration's nanoseconds cannot hold exactly is rounded to the frame that is meant.
    return int(time.total_seconds() * timeline.fps + 1e-3)


def _fault(timeline: Timeline, time: timedelta) -> str | None:
    if _number(timeline, time) < timeline.frames:
        return None
    return f"must be less than {timeline.frames / timeline.fps:.3f} s, the length of the video"
