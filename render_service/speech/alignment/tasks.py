"""The function of alignment that worker processes run, as their parents call it: importing this loads no model."""

from collections.abc import Callable
from pathlib import Path

from render_service.domain.projects.word_times import AlignedText, AlignmentRequest
from render_service.speech.installation import Installation


def align(
    request: AlignmentRequest, installation: Installation, recording: Path, report: Callable[[None], None]
) -> AlignedText:
    """See `alignment.align.align_recording`."""
    from render_service.speech.alignment import align as alignment

    return alignment.align_recording(request, installation, recording, report)
