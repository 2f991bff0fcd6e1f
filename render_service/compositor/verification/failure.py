"""The failure of a check of a finished video."""

from typing import NoReturn

from render_service.domain.errors import ErrorReason, RenderFailure


def fail(check: str, expected: object, found: object, shot_id: str | None = None) -> NoReturn:
    """Raise CHECK_FAILED.

    Args:
        check: Name of the check, such as `frame_count`.
        expected: What the video should have.
        found: What it has.
        shot_id: The shot where it was found, if it concerns one.
    """
    place = f" in shot {shot_id}" if shot_id is not None else ""
    metadata = {"check": check, "expected": str(expected), "found": str(found)}
    if shot_id is not None:
        metadata["shot_id"] = shot_id
    raise RenderFailure(
        ErrorReason.CHECK_FAILED,
        f"the finished video failed its check {check}{place}: expected {expected}, found {found}",
        metadata,
    )
