"""The JSON that is published on `task_updates:{task_id}`, readable by any other backend."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError, JobEvent, JobStage, JobStatus
from render_service.domain.warning import JobWarning, WarningCode


def task_channel(task_id: UUID) -> str:
    """Return the channel on which the progress of one job is published."""
    return f"task_updates:{task_id}"


def workspace_channel(workspace_id: str) -> str:
    """Return the channel on which the progress of all jobs of a workspace is published."""
    return f"workspace_updates:{workspace_id}"


def encode_event(event: JobEvent) -> bytes:
    """Return the payload of an event: `status`, `progress`, `message`, `timestamp` and further fields."""
    payload: dict[str, Any] = {
        "status": event.status,
        "progress": event.progress,
        "message": event.message,
        "timestamp": event.timestamp.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "job_id": event.job_id,
        "task_id": event.task_id,
        "workspace_id": event.workspace_id,
        "sequence": event.sequence,
        "milestone": event.milestone,
        "is_milestone": event.is_milestone,
        "stage": event.stage,
        "attempt": event.attempt,
    }
    if event.error is not None:
        payload["error_reason"] = event.error.reason
        payload["error_message"] = event.error.message
    if event.warnings:
        payload["warnings"] = [asdict(warning) for warning in event.warnings]
    return to_json(payload)


def decode_event(data: bytes) -> JobEvent:
    """Return the event of a payload.

    Raises:
        ValueError: it is not a payload of this service.
    """
    try:
        payload = from_json(data, allow_inf_nan=False)
        reason = payload.get("error_reason")
        event = JobEvent(
            job_id=UUID(payload["job_id"]),
            task_id=UUID(payload["task_id"]),
            workspace_id=payload["workspace_id"],
            sequence=payload["sequence"],
            milestone=payload["milestone"],
            is_milestone=payload["is_milestone"],
            status=JobStatus(payload["status"]),
            stage=JobStage(payload["stage"]) if payload["stage"] else None,
            progress=payload["progress"],
            message=payload["message"],
            attempt=payload["attempt"],
            timestamp=datetime.fromisoformat(payload["timestamp"]),
            error=JobError(ErrorReason(reason), payload.get("error_message", "")) if reason else None,
            warnings=tuple(map(_decode_warning, payload.get("warnings", ()))),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a progress payload") from error
    if not _is_valid(event):
        raise ValueError("not a progress payload")
    return event


def _is_valid(event: JobEvent) -> bool:
    """Whether the fields that were copied without conversion have valid types and ranges."""
    numbers = (event.sequence, event.milestone, event.attempt, event.progress)
    texts = [event.workspace_id, event.message, event.error.message if event.error else ""]
    texts += [text for warning in event.warnings for text in (warning.message, warning.shot_id, warning.field)]
    return (
        all(type(number) is int and 0 <= number < 2**63 for number in numbers)
        and event.progress <= 100
        and type(event.is_milestone) is bool
        and all(isinstance(text, str) for text in texts)
        and event.timestamp.tzinfo is not None
    )


def _decode_warning(data: Any) -> JobWarning:
    return JobWarning(WarningCode(data["code"]), data["message"], data["shot_id"], data["field"])
