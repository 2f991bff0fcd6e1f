"""Maps rows to the domain; the only module that depends on both."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from types import NoneType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_type_hints

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from render_service.db.schema import jobs, provider_tasks, videos
from render_service.domain.brand.fonts import FontFacts
from render_service.domain.brand.kit import BrandKit
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.cost import Cost, total
from render_service.domain.jobs.job import (
    Artifact,
    AudioTrack,
    Job,
    JobBatch,
    JobError,
    JobEvent,
    JobStatus,
    NamedVideo,
    RawResults,
    RenderSpec,
    StoredFile,
    Video,
)
from render_service.domain.projects.project import Project
from render_service.domain.warning import JobWarning, WarningCode

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
Row = Mapping[Any, Any]

PROJECT = TypeAdapter(Project)
BRAND_KIT = TypeAdapter(BrandKit)
FONT_FACTS = TypeAdapter(FontFacts)
RENDER_SPEC = TypeAdapter(RenderSpec)
RAW_RESULTS = TypeAdapter(RawResults)
AUDIO_TRACKS = TypeAdapter(tuple[AudioTrack, ...])
FILES = TypeAdapter(dict[Artifact, StoredFile])
OUTPUTS = TypeAdapter(tuple[NamedVideo, ...])
WARNINGS = TypeAdapter(tuple[JobWarning, ...])

_FEW_SHOTS = 20  # of a spec that is read in less time than a thread would need to begin

# What a job's clips cost, summed by unit; null if nothing was submitted for it.
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
    jobs.c.title,
    jobs.c.batch_id,
    jobs.c.batch_row,
    jobs.c.batch_key,
    videos.c.files,
    videos.c.width,
    videos.c.height,
    videos.c.fps,
    videos.c.frames,
    videos.c.checked,
    videos.c.audio_tracks,
    videos.c.outputs,
    COST_OF_JOB,
)
OWN_COLUMNS = ", ".join(column.name for column in JOB_COLUMNS if isinstance(column, sa.Column) and column.table is jobs)
"""Those of JOB_COLUMNS that are in the job's own row."""
JOB_SELECT = sa.select(*JOB_COLUMNS).select_from(jobs.outerjoin(videos, videos.c.job_id == jobs.c.id))

# The columns that a statement which changes a job returns and the history stores, in one order.
EVENT_COLUMNS = (
    "sequence, milestone, workspace_id, status, stage, progress, message, attempt, error_reason, error_message,"
    " warnings"
)


class RowMapping(Generic[T]):
    """Makes a dataclass from a row, each field from the column of the same name.

    A column holds the value of a StrEnum or the JSON of another dataclass; all else is as psycopg returns it.

    Args:
        kind: The dataclass.
        columns: The columns of fields whose column has another name.
        computed: Computes the fields that do not come from a single column.
    """

    def __init__(
        self,
        kind: type[T],
        *,
        columns: Mapping[str, str] | None = None,
        computed: Mapping[str, Callable[[Row], Any]] | None = None,
    ) -> None:
        self._kind = kind
        self._plain: list[tuple[str, str]] = []
        self._converted: list[tuple[str, str, Callable[[Any], Any]]] = []
        self._computed = computed or {}
        hints = get_type_hints(kind)
        for item in fields(kind):
            if item.name in self._computed:
                continue
            column = (columns or {}).get(item.name, item.name)
            convert = _converter(hints[item.name])
            if convert is None:
                self._plain.append((item.name, column))
            else:
                self._converted.append((item.name, column, convert))

    def read(self, row: Row) -> T:
        """Return the dataclass of a row.

        Raises:
            KeyError: The row lacks a column.
            ValueError: A column holds a value that this build does not know.
        """
        values = {name: row[column] for name, column in self._plain}
        for name, column, convert in self._converted:
            found = row[column]
            values[name] = None if found is None else convert(found)
        for name, compute in self._computed.items():
            values[name] = compute(row)
        return self._kind(**values)


async def dump_jsonb(adapter: TypeAdapter[Any], value: object) -> Jsonb:
    """Return a value as a parameter of a statement, dumped in a thread: a large project takes tens of milliseconds."""
    return Jsonb(await asyncio.to_thread(adapter.dump_json, value), dumps=bytes)


async def read_render_spec(spec: Any) -> RenderSpec:
    """Return a stored spec.

    Raises:
        ValidationError: A newer version wrote it: a field or a value is unknown.
    """
    if len(spec.get("project", {}).get("shots", ())) <= _FEW_SHOTS:
        return RENDER_SPEC.validate_python(spec)
    # In a thread: that of a large project takes tens of milliseconds.
    return await asyncio.to_thread(RENDER_SPEC.validate_python, spec)


def video_to_columns(video: Video | None) -> dict[str, object]:
    """Return the columns of a video's row by name, all null where there is no video."""
    if video is None:
        names = ("files", "width", "height", "fps", "frames", "checked", "audio_tracks", "outputs", "size_bytes")
        return dict.fromkeys(names)
    return {
        "files": Jsonb(FILES.dump_python(dict(video.files), mode="json")),
        "width": video.width,
        "height": video.height,
        "fps": video.fps,
        "frames": video.frames,
        "checked": Jsonb(dict(video.check)),
        "audio_tracks": Jsonb(AUDIO_TRACKS.dump_python(video.audio_tracks, mode="json")),
        "outputs": Jsonb(OUTPUTS.dump_python(video.outputs, mode="json")),
        "size_bytes": sum(file.size_bytes for file in video.stored_files.values()),
    }


def job_from_row(row: Row) -> Job:
    """Return the job of a row of JOB_SELECT."""
    return _JOB.read(row)


def event_from_row(row: Row, *, is_milestone: bool) -> JobEvent:
    """Return the event that a row with EVENT_COLUMNS, `job_id`, `task_id` and `timestamp` describes."""
    return (_MILESTONE if is_milestone else _PROGRESS).read(row)


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] or [hint]
    kind = kinds[0]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if is_dataclass(kind):
        return TypeAdapter(kind).validate_python
    return None


def _video(row: Row) -> Video | None:
    return _VIDEO.read(row) if row["files"] is not None else None


def _error(row: Row) -> JobError | None:
    if not row["error_reason"] or row["status"] != JobStatus.FAILED:
        return None
    return JobError(ErrorReason(row["error_reason"]), row["error_message"] or "", row.get("error_metadata") or {})


def _batch(row: Row) -> JobBatch | None:
    batch_id = row["batch_id"]
    return JobBatch(batch_id, row["batch_row"], row["batch_key"]) if batch_id is not None else None


def _cost(row: Row) -> tuple[Cost, ...]:
    return total(Cost(unit, Decimal(amount)) for unit, amount in (row["cost"] or {}).items())


def _warnings(row: Row) -> tuple[JobWarning, ...]:
    stored: Sequence[Mapping[str, str]] = row["warnings"]
    if not stored:
        return ()
    # During an upgrade, newer workers may store codes that this build does not know.
    return WARNINGS.validate_python([warning for warning in stored if warning["code"] in set(WarningCode)])


_VIDEO = RowMapping(
    Video,
    columns={"check": "checked"},
    computed={
        "files": lambda row: FILES.validate_python(row["files"]),
        "audio_tracks": lambda row: AUDIO_TRACKS.validate_python(row["audio_tracks"]) if row["audio_tracks"] else (),
        "outputs": lambda row: OUTPUTS.validate_python(row["outputs"]) if row["outputs"] else (),
    },
)
_JOB = RowMapping(
    Job,
    columns={
        "create_time": "created_at",
        "start_time": "started_at",
        "end_time": "finished_at",
        "update_time": "updated_at",
    },
    computed={"video": _video, "error": _error, "cost": _cost, "warnings": _warnings, "batch": _batch},
)
_MILESTONE = RowMapping(JobEvent, computed={"is_milestone": lambda _: True, "error": _error, "warnings": _warnings})
_PROGRESS = RowMapping(JobEvent, computed={"is_milestone": lambda _: False, "error": _error, "warnings": _warnings})
