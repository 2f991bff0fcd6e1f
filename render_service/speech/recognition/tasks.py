"""The function of recognition that worker processes run, as their parents call it: importing this loads no model."""

from collections.abc import Callable
from pathlib import Path

from render_service.domain.projects.word_times import RecognitionRequest, RecognizedText
from render_service.speech.recognition.model import RecognitionModel


def recognize(
    request: RecognitionRequest, model: RecognitionModel, recording: Path, report: Callable[[None], None]
) -> RecognizedText:
    """See `recognition.recognize.recognize_recording`."""
    from render_service.speech.recognition import recognize as recognition

    return recognition.recognize_recording(request, model, recording, report)
