"""Warns of captions that are shown too briefly to be read."""

from collections.abc import Iterator, Sequence

from render_service.compositor.captions.cues import Cue
from render_service.compositor.text.shortening import shortened
from render_service.domain.projects.project import Project
from render_service.domain.projects.reading import reading_seconds
from render_service.domain.warning import JobWarning, WarningCode

_LONGEST_EXCERPT = 40


def speed_warnings(project: Project, cues: Sequence[Cue], fps: int) -> Iterator[JobWarning]:
    """Yield a warning for each shot that has a cue of more than 20 characters a second, East Asian ones 10.

    Args:
        project: The project.
        cues: All cues in time order.
        fps: Frames per second.
    """
    fields = {shot.id: "caption" if shot.caption is not None else "narration" for shot in project.shots}
    fastest: dict[str, tuple[float, Cue]] = {}
    for cue in cues:
        # Half a frame of rounding at either end is no fault.
        hurry = reading_seconds(cue.text) / ((cue.end - cue.start + 1) / fps)
        if hurry > max(1.0, fastest.get(cue.shot_id, (0.0, cue))[0]):
            fastest[cue.shot_id] = hurry, cue
    for shot_id, (_, cue) in fastest.items():
        shown, needed = (cue.end - cue.start) / fps, reading_seconds(cue.text)
        excerpt = shortened(cue.text, _LONGEST_EXCERPT)
        yield JobWarning(
            WarningCode.CAPTION_TOO_FAST,
            f'{shot_id}.{fields[shot_id]}: "{excerpt}" is shown for {shown:.2g} s, but takes {needed:.2g} s to read; '
            "shorten it or make the shot longer",
            shot_id,
            fields[shot_id],
        )
