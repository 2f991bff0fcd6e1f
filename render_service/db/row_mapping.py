"""Maps rows to the domain; the only module that depends on both."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from render_service.db.schema import jobs, provider_tasks, videos
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.cost import Cost, total
from render_service.domain.jobs.job import (
    Artifact,
    Job,
    JobError,
    JobEvent,
    JobStage,
    JobStatus,
    ProviderName,
    RawResults,
    RenderSpec,
    StoredFile,
    Video,
)
from render_service.domain.projects.project import Project
from render_service.domain.warning import JobWarning, WarningCode

PROJECT = TypeAdapter(Project)
RENDER_SPEC = TypeAdapter(RenderSpec)
RAW_RESULTS = TypeAdapter(RawResults)
FILES = TypeAdapter(dict[Artifact, StoredFile])
WARNINGS = TypeAdapter(tuple[JobWarning, ...])

# What a job's clips cost, summed by unit; null where nothing was ordered for it.
_COSTS = (
    sa.select(provider_tasks.c.cost_unit, sa.func.sum(provider_tasks.c.cost_amount).label("amount"))
    .where(provider_tasks.c.job_id == jobs.c.id, provider_tasks.c.cost_unit.is_not(None))
    .group_by(provider_tasks.c.cost_unit)
    .correlate(jobs)
    .subquery()
)
COST_OF_JOB = (
    sa.select(sa.func.jsonb_object_agg(_COSTS.c.cost_unit, sa.cast(_COSTS.c.amount, sa.Text)))
    .scalar_subquery()
    .label("cost")
)

# The columns that `job_from_row` reads: everything but the spec, which may be large, and the lease, which is secret.
JOB_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    jobs.c.id,
    jobs.c.task_id,
    jobs.c.workspace_id,
    jobs.c.project_id,
    jobs.c.provider,
    jobs.c.status,
    jobs.c.stage,
    jobs.c.progress,
    jobs.c.message,
    jobs.c.sequence,
    jobs.c.milestone,
    jobs.c.attempt,
    jobs.c.raw_results,
    jobs.c.error_reason,
    jobs.c.error_message,
    jobs.c.error_metadata,
    jobs.c.request_id,
    jobs.c.labels,
    jobs.c.created_at,
    jobs.c.started_at,
    jobs.c.finished_at,
    jobs.c.updated_at,
    jobs.c.priority,
    jobs.c.warnings,
    videos.c.files,
    videos.c.width,
    videos.c.height,
    videos.c.fps,
    videos.c.frames,
    videos.c.checked,
    COST_OF_JOB,
)
JOB_SELECT = sa.select(*JOB_COLUMNS).select_from(jobs.outerjoin(videos, videos.c.job_id == jobs.c.id))

# What a statement that changes a job returns, and what history holds, in one order.
EVENT_COLUMNS = (
    "sequence, milestone, workspace_id, status, stage, progress, message, attempt, error_reason, error_message,"
    " warnings"
)


def job_from_row(row: Mapping[Any, Any]) -> Job:
    """Return the job of a row of JOB_SELECT."""
    return Job(
        id=row["id"],
        task_id=row["task_id"],
        workspace_id=row["workspace_id"],
        project_id=row["project_id"],
        provider=ProviderName(row["provider"]),
        status=JobStatus(row["status"]),
        stage=JobStage(row["stage"]) if row["stage"] else None,
        progress=row["progress"],
        message=row["message"],
        sequence=row["sequence"],
        milestone=row["milestone"],
        attempt=row["attempt"],
        raw_results=RAW_RESULTS.validate_python(row["raw_results"]) if row["raw_results"] is not None else None,
        video=_video_from_row(row) if row["files"] is not None else None,
        error=_error_from_row(row, row["error_metadata"] or {}),
        request_id=row["request_id"],
        labels=row["labels"],
        create_time=row["created_at"],
        start_time=row["started_at"],
        end_time=row["finished_at"],
        update_time=row["updated_at"],
        priority=row["priority"],
        cost=total(Cost(unit, Decimal(amount)) for unit, amount in (row["cost"] or {}).items()),
        warnings=_warnings_from_row(row["warnings"]),
    )


def event_from_row(row: Mapping[Any, Any], *, is_milestone: bool) -> JobEvent:
    """Return the event that a row with EVENT_COLUMNS, `job_id`, `task_id` and `timestamp` describes."""
    return JobEvent(
        job_id=row["job_id"],
        task_id=row["task_id"],
        workspace_id=row["workspace_id"],
        sequence=row["sequence"],
        milestone=row["milestone"],
        is_milestone=is_milestone,
        status=JobStatus(row["status"]),
        stage=JobStage(row["stage"]) if row["stage"] else None,
        progress=row["progress"],
        message=row["message"],
        attempt=row["attempt"],
        timestamp=row["timestamp"],
        error=_error_from_row(row, {}),
        warnings=_warnings_from_row(row["warnings"]),
    )


def _video_from_row(row: Mapping[Any, Any]) -> Video:
    return Video(
        files=FILES.validate_python(row["files"]),
        width=row["width"],
        height=row["height"],
        fps=row["fps"],
        frames=row["frames"],
        check=row["checked"],
    )


def _error_from_row(row: Mapping[Any, Any], metadata: Mapping[str, str]) -> JobError | None:
    if not row["error_reason"] or row["status"] != JobStatus.FAILED:
        return None
    return JobError(ErrorReason(row["error_reason"]), row["error_message"] or "", metadata)


def _warnings_from_row(stored: Sequence[Mapping[str, str]]) -> tuple[JobWarning, ...]:
    # During an upgrade, newer workers may store codes that this build does not know.
    return WARNINGS.validate_python([warning for warning in stored if warning["code"] in set(WarningCode)])
