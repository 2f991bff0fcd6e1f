"""Warns of durations, captions and narrations that the plan had to change."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.project import MotionKind, Project, TransitionKind
from render_service.domain.projects.reading import shown_caption
from render_service.domain.projects.shot_source import StillSource
from render_service.domain.projects.timeline import Timeline, TimelineShot, wished_overlaps
from render_service.domain.warning import JobWarning, WarningCode

# A cut of less speech than this is not noticed: files often end with a few milliseconds of padding.
_INAUDIBLE = timedelta(milliseconds=100)
# One movement is too slow to be seen over a longer time.
_LONG_SECONDS = 30
_ENDLESS = frozenset({MotionKind.DRIFT, MotionKind.HANDHELD})


def plan_warnings(project: Project, timeline: Timeline, facts: Mapping[str, MediaFacts]) -> tuple[JobWarning, ...]:
    """Return the warnings about a project's shots in their order.

    Args:
        project: The validated project.
        timeline: Its plan.
        facts: Measurements of the shots' audible media, by shot id; shots may be missing.
    """
    wished = wished_overlaps(project, [placed.shot for placed in timeline.shots], timeline.fps)
    return tuple(
        warning
        for placed in timeline.shots
        for warning in (
            *_transition_warnings(placed, wished[placed.index], timeline.fps),
            *_picture_warnings(placed, timeline.fps),
            *_highlight_warnings(project, placed),
            *_narration_warnings(placed, timeline, facts.get(placed.shot_id, MediaFacts())),
        )
    )


def _transition_warnings(placed: TimelineShot, wished: int, fps: int) -> Iterator[JobWarning]:
    if placed.overlap_in < wished and placed.transition is not TransitionKind.CUT:
        yield JobWarning(
            WarningCode.TRANSITION_SHORTENED,
            f"{placed.shot_id}.transition: lasts {_seconds(placed.overlap_in, fps)} instead of {_seconds(wished, fps)},"
            " because a transition covers at most half of either shot; make the shots longer",
            placed.shot_id,
            "transition",
        )
    alone = placed.frames - placed.overlap_in - placed.overlap_out
    if placed.shot.duration is not None and 2 * alone < placed.frames:
        yield JobWarning(
            WarningCode.SHOT_SHORTENED,
            f"{placed.shot_id}.duration: of {_seconds(placed.frames, fps)} only {_seconds(alone, fps)} are outside its"
            " transitions; make the shot longer or its transitions shorter",
            placed.shot_id,
            "duration",
        )


def _picture_warnings(placed: TimelineShot, fps: int) -> Iterator[JobWarning]:
    shot = placed.shot
    is_plain = isinstance(placed.source, StillSource) and not shot.layers and shot.card is None
    if is_plain and placed.motion.kind not in _ENDLESS and placed.frames > _LONG_SECONDS * fps:
        yield JobWarning(
            WarningCode.PICTURE_UNCHANGED,
            f"{placed.shot_id}.image_uri: is shown for {_seconds(placed.frames, fps)} with at most one movement; set"
            " the motion to DRIFT, or divide the shot",
            placed.shot_id,
            "image_uri",
        )


def _highlight_warnings(project: Project, placed: TimelineShot) -> Iterator[JobWarning]:
    shot = placed.shot
    caption = shown_caption(project, shot)
    options = project.captions.with_defaults()
    # A preset estimates the times of words.
    if (
        options.highlight_words
        and options.burn_in is not False
        and options.preset is None
        and caption
        and not shot.words
    ):
        yield JobWarning(
            WarningCode.HIGHLIGHT_WITHOUT_WORDS,
            f"{shot.id}.words: empty, so no word of its caption is highlighted; pass word timings",
            shot.id,
            "words",
        )


def _narration_warnings(placed: TimelineShot, timeline: Timeline, facts: MediaFacts) -> Iterator[JobWarning]:
    if facts.narration is None:
        return
    # Under TRIM the shot's end cuts a narration, under OVERLAP that of the video.
    frames = min(placed.narration_frames, timeline.frames - placed.narration_start)
    speech = facts.narration
    if facts.pauses and facts.pauses[-1].end >= speech - _INAUDIBLE:
        speech = facts.pauses[-1].start
    if speech - timedelta(seconds=1) * frames / timeline.fps > _INAUDIBLE:
        field = "narration_audio_uri" if placed.shot.narration_audio_uri else "narration"
        yield JobWarning(
            WarningCode.NARRATION_TRIMMED,
            f"{placed.shot_id}.{field}: lasts {speech.total_seconds():.3g} s, of which"
            f" {_seconds(frames, timeline.fps)} are heard; make the shot longer or set narration_policy to EXTEND",
            placed.shot_id,
            field,
        )


def _seconds(frames: int, fps: int) -> str:
    return f"{frames / fps:.3g} s"
