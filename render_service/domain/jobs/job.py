"""A job's life: its states and stages, the record of it, and the rules of attempts and leases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.cost import Cost
from render_service.domain.projects.output import OutputSpec
from render_service.domain.projects.project import Project
from render_service.domain.warning import JobWarning


class JobStatus(StrEnum):
    """PENDING → PROCESSING → COMPLETED | FAILED | CANCELLED, and PROCESSING → PENDING for another attempt."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether this is an end, which a job never leaves."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


class JobStage(StrEnum):
    """What a PROCESSING job is busy with."""

    PREPARING = "PREPARING"
    GENERATING = "GENERATING"
    COMPOSING = "COMPOSING"
    CHECKING = "CHECKING"
    UPLOADING = "UPLOADING"


class ProviderName(StrEnum):
    """The makers of videos that a job can name."""

    LOCAL = "local"
    RUNWAY = "runway"
    PIKA = "pika"
    CUSTOM = "custom"
    MOCK = "mock"


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """A provider and one of its models; an empty `model` means the provider's default."""

    provider: ProviderName
    model: str = ""


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How providers are to generate clips.

    Args:
        model: Model of the job's own provider; empty for its default.
        seed: Makes a model repeat itself as far as it can; None leaves the choice to the provider.
        negative_prompt: What must not be seen, for models that know such a thing.
        strict: Whether a shot that a model cannot make with exactly its length and shape is refused.
        allow_resubmit: Whether a submission whose outcome is unknown is made again, which may be charged twice.
        regenerate_shots: Ids of shots whose clip is to be made anew although there is one.
        fallbacks: Who makes a shot that the job's own provider cannot make, in order.
        options: JSON object handed to the provider `custom` as it is.
    """

    model: str = ""
    seed: int | None = None
    negative_prompt: str = ""
    strict: bool = False
    allow_resubmit: bool = False
    regenerate_shots: tuple[str, ...] = ()
    fallbacks: tuple[ProviderChoice, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """All that a render depends on, frozen when it is started: later edits of the project do not reach it."""

    project: Project
    output: OutputSpec
    generation: GenerationOptions = field(default_factory=GenerationOptions)


@dataclass(frozen=True, slots=True)
class RawResults:
    """What the provider answered; `extra` holds JSON values only."""

    status: str
    video_urls: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


class Artifact(StrEnum):
    """The files that a job leaves."""

    VIDEO = "video"
    POSTER = "poster"
    CONTACT_SHEET = "contact_sheet"
    CAPTIONS_SRT = "captions_srt"
    CAPTIONS_VTT = "captions_vtt"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the object store; `sha256` in 64 lower-case hexadecimal digits."""

    key: str
    size_bytes: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Video:
    """The finished video of a job with all its files; sides in pixels; `check` is what the self-check found."""

    files: Mapping[Artifact, StoredFile]
    width: int
    height: int
    fps: int
    frames: int
    check: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job FAILED: for programs (`reason`, `metadata`) and for people (`message`)."""

    reason: ErrorReason
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its row tells it. `progress` is 0–100; times are aware UTC."""

    id: UUID
    task_id: UUID
    workspace_id: str
    project_id: UUID | None
    provider: ProviderName
    status: JobStatus
    stage: JobStage | None
    progress: int
    message: str
    sequence: int
    milestone: int
    attempt: int
    raw_results: RawResults | None
    video: Video | None
    error: JobError | None
    request_id: UUID | None
    labels: Mapping[str, str]
    create_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    update_time: datetime
    cost: tuple[Cost, ...] = ()
    priority: int = 0
    warnings: tuple[JobWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job, as history keeps it and watchers see it.

    `milestone` counts the job's changes of state and stage up to and including this event, without a gap; history keeps
    exactly those. `is_milestone` tells whether this event is one, or only progress between two.
    """

    job_id: UUID
    task_id: UUID
    workspace_id: str
    sequence: int
    milestone: int
    is_milestone: bool
    status: JobStatus
    stage: JobStage | None
    progress: int
    message: str
    attempt: int
    timestamp: datetime
    error: JobError | None = None
    warnings: tuple[JobWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to change one job. Every write carries `token`; a row with another token is not changed."""

    job_id: UUID
    task_id: UUID
    workspace_id: str
    token: UUID
    attempt: int
    failed_attempts: int
