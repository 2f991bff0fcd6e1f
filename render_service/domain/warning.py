"""Warnings of a job that COMPLETED: what a viewer of the finished video may notice."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from render_service.domain.errors import RenderFailure

MAX_WARNINGS = 100
"""The maximum number of warnings that are stored for one job."""


class WarningCode(StrEnum):
    """Kinds of warnings, as the contract names them (`render.v1.WarningCode` without its prefix)."""

    ASSET_REPLACED = "ASSET_REPLACED"
    ASSET_REPAIRED = "ASSET_REPAIRED"
    GLYPH_REPLACED = "GLYPH_REPLACED"
    HIGHLIGHT_WITHOUT_WORDS = "HIGHLIGHT_WITHOUT_WORDS"
    WORDS_UNMATCHED = "WORDS_UNMATCHED"
    CAPTION_TOO_FAST = "CAPTION_TOO_FAST"
    SHOT_SHORTENED = "SHOT_SHORTENED"
    TRANSITION_SHORTENED = "TRANSITION_SHORTENED"
    NARRATION_TRIMMED = "NARRATION_TRIMMED"
    SOUND_TOO_QUIET = "SOUND_TOO_QUIET"
    SPEECH_WAITING = "SPEECH_WAITING"
    WORDS_ESTIMATED = "WORDS_ESTIMATED"
    RECOGNITION_WAITING = "RECOGNITION_WAITING"
    SPEECH_NOT_RECOGNIZED = "SPEECH_NOT_RECOGNIZED"
    LAYER_NOT_SEEN = "LAYER_NOT_SEEN"
    PICTURE_UNCHANGED = "PICTURE_UNCHANGED"


@dataclass(frozen=True, slots=True)
class JobWarning:
    """One warning of a job.

    Args:
        code: The kind, for programs.
        message: One sentence for people.
        shot_id: The shot concerned; empty if it is the whole video.
        field: The field of the shot or of the project concerned, such as `image_uri` or `music.uri`.
    """

    code: WarningCode
    message: str
    shot_id: str = ""
    field: str = ""


def warning_from_failure(code: WarningCode, failure: RenderFailure) -> JobWarning:
    """Return the warning for a failure that does not end the render."""
    return JobWarning(code, failure.message, failure.metadata.get("shot_id", ""), failure.metadata.get("field", ""))


def distinct_warnings(warnings: Iterable[JobWarning]) -> tuple[JobWarning, ...]:
    """Return each warning once, in order, and at most `MAX_WARNINGS` of them."""
    return tuple(dict.fromkeys(warnings))[:MAX_WARNINGS]
