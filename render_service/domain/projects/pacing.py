"""Extends shots to leave time between narrations and after the last one. Integer frames only."""

from collections.abc import Sequence

from render_service.domain.projects.looks.modes import MODE_PRESETS
from render_service.domain.projects.project import Pacing, Project


def decided_pacing(project: Project) -> Pacing:
    """Return the pacing of a project, with the defaults of its mode; no field is None."""
    asked, preset = project.pacing, MODE_PRESETS[project.mode].pacing
    return Pacing(
        asked.narration_gap if asked.narration_gap is not None else preset.narration_gap,
        asked.tail if asked.tail is not None else preset.tail,
    )


def extend_for_narration(
    lengths: list[int], overlaps: Sequence[int], narrations: Sequence[int | None], *, gap: int, tail: int
) -> None:
    """Extend shots, in place, until every narration is complete, with time around it. Everything in frames.

    Args:
        lengths: The shots' lengths.
        overlaps: The longest transition into each shot, after which its narration begins.
        narrations: Length of each shot's narration; None without one.
        gap: The minimum time between a narration and that of the next shot.
        tail: The minimum time between the last narration and the end of the video.
    """
    narrated = [index for index, narration in enumerate(narrations) if narration is not None]
    for index in narrated:
        spoken = overlaps[index] + (narrations[index] or 0)
        follows = index + 1 < len(narrations) and narrations[index + 1] is not None
        lengths[index] = max(lengths[index], spoken + (gap if follows else 0))
    if not narrated:
        return
    last = narrated[-1]
    # The transitions into later shots are at most this long, however long this shot becomes.
    after = sum(lengths[index] - min(overlaps[index], lengths[index] // 2) for index in range(last + 1, len(lengths)))
    spoken = overlaps[last] + (narrations[last] or 0)
    lengths[last] = max(lengths[last], spoken + tail - after)
