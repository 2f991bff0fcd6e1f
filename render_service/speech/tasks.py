"""The functions of speech that worker processes run, as their parents call them: importing this loads no model."""

from collections.abc import Callable
from pathlib import Path

from render_service.domain.projects.project import WordTiming
from render_service.domain.speech.requests import SpeechRequest
from render_service.speech.installation import Installation


def speak(
    request: SpeechRequest, installation: Installation, output: Path, report: Callable[[None], None]
) -> tuple[WordTiming, ...]:
    """See `synthesis.speak`."""
    from render_service.speech import synthesis

    return synthesis.speak(request, installation, output, report)
