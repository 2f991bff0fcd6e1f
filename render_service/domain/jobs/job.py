"""A job's lifecycle: its states, stages, record, attempts and leases."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from render_service.domain.brand.fonts import PinnedFont
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.cost import Cost
from render_service.domain.projects.delivery.ai_label import with_ai_label
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import OutputSpec
from render_service.domain.projects.project import Project
from render_service.domain.speech.options import SpeechOptions
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
        """Whether this status is final."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


class JobStage(StrEnum):
    """What a PROCESSING job is doing."""

    PREPARING = "PREPARING"
    GENERATING = "GENERATING"
    COMPOSING = "COMPOSING"
    CHECKING = "CHECKING"
    UPLOADING = "UPLOADING"


class ProviderName(StrEnum):
    """The providers that a job can name."""

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
        model: Model of the job's provider; empty for its default.
        seed: Makes results repeatable as far as the model can; None leaves the choice to the provider.
        negative_prompt: What not to show, for models that accept it.
        strict: Whether to refuse a shot whose exact length and shape the model cannot generate.
        allow_resubmit: Whether to repeat a submission whose outcome is unknown, which may be charged twice.
        regenerate_shots: Ids of shots whose clip to generate again even if there is one.
        fallbacks: Who generates a shot that the job's provider cannot generate, in order.
        options: JSON object passed to the provider `custom` unchanged.
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
    """All that a render depends on, frozen at its start: later edits of the project do not affect it.

    A field that this version does not know is refused wherever a spec is read, at any depth: a job that a newer version
    started is rendered as asked for, by a worker that knows all of it, or not at all.

    `fonts` are the files of the uploaded fonts that the project names; it names them by their content.

    With several `outputs`, `output` is the first of them with the further languages of all, and `project` lacks what
    depends on the output; see `of`.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    project: Project
    output: OutputSpec
    generation: GenerationOptions = field(default_factory=GenerationOptions)
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    outputs: tuple[ResolvedOutput, ...] = ()
    fonts: tuple[PinnedFont, ...] = ()

    def of(self, output: ResolvedOutput, drawn: OutputSpec | None = None) -> "RenderSpec":
        """Return the render of one of several outputs alone; `drawn` is the one whose pictures it shows, if another."""
        project = self.project
        if output.burn_captions is not None:
            project = replace(project, captions=replace(project.captions, burn_in=output.burn_captions))
        return replace(self, project=with_ai_label(project, drawn or output.output), output=output.output, outputs=())


@dataclass(frozen=True, slots=True)
class RawResults:
    """The provider's response; `extra` holds JSON values only."""

    status: str
    video_urls: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


class Artifact(StrEnum):
    """The files of a finished job."""

    VIDEO = "video"
    POSTER = "poster"
    CONTACT_SHEET = "contact_sheet"
    CAPTIONS_SRT = "captions_srt"
    CAPTIONS_VTT = "captions_vtt"
    WORDS = "words"
    MIX = "mix"
    NARRATION = "narration"
    MUSIC = "music"
    EFFECTS = "effects"
    THUMBNAILS = "thumbnails"
    THUMBNAILS_VTT = "thumbnails_vtt"
    CHAPTERS_VTT = "chapters_vtt"
    METADATA = "metadata"
    TIMELINE = "timeline"
    HLS = "hls"
    DASH = "dash"


class AudioTrackKind(StrEnum):
    """What can be heard in a track of sound; effects are the sound of clips."""

    MIX = "mix"
    NARRATION = "narration"
    MUSIC = "music"
    EFFECTS = "effects"


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A track of sound, in the video or in a file of its own.

    Args:
        kind: What can be heard.
        language: BCP 47 tag of its narrations; empty where it is unknown, or there are none.
        voices: Ids of the voices that speak in it, in the order in which they are first heard.
        provider: Who spoke; empty where nobody did.
        duration: How long it is.
        sha256: Of its file, or of its coded packets where it is in the video; 64 lower-case hexadecimal digits.
        artifact: The file that holds it.
    """

    kind: AudioTrackKind
    language: str
    voices: tuple[str, ...]
    provider: str
    duration: timedelta
    sha256: str
    artifact: Artifact


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the object store; `sha256` in 64 lower-case hexadecimal digits.

    `parts` are the files that it names, of the playlist of a stream: all lie beside it. They have no parts.
    """

    key: str
    size_bytes: int
    sha256: str
    content_type: str
    parts: tuple["StoredFile", ...] = ()

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Video:
    """The finished video of a job with all its files; sides in pixels; `check` is the result of the self-check.

    `audio_tracks` are those in the video, then those in files of their own. `outputs` are all videos of a job with
    several, this one first; otherwise empty.
    """

    files: Mapping[Artifact, StoredFile]
    width: int
    height: int
    fps: int
    frames: int
    check: Mapping[str, Any] = field(default_factory=dict)
    audio_tracks: tuple[AudioTrack, ...] = ()
    outputs: tuple["NamedVideo", ...] = ()

    @property
    def stored_files(self) -> Mapping[str, StoredFile]:
        """All files by their keys, those of all outputs included."""
        files = [*self.files.values(), *(file for one in self.outputs for file in one.video.files.values())]
        return {file.key: file for whole in files for file in (whole, *whole.parts)}

    @property
    def stream_files(self) -> Mapping[str, StoredFile]:
        """The files of the stream that begins with this video, by their names."""
        playlists = [self.files[kind] for kind in (Artifact.HLS, Artifact.DASH) if kind in self.files]
        return {file.name: file for playlist in playlists for file in (playlist, *playlist.parts)}

    @property
    def duration(self) -> timedelta:
        """How long it plays, rounded to microseconds."""
        return timedelta(microseconds=round(self.frames * 1_000_000 / self.fps))


@dataclass(frozen=True, slots=True)
class NamedVideo:
    """One of several videos of a job; its own `outputs` are empty."""

    name: str
    video: Video


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job FAILED: for programs (`reason`, `metadata`) and for people (`message`)."""

    reason: ErrorReason
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobBatch:
    """The row of a batch that a job renders: `row` counts from 0, `key` is the caller's name of it."""

    id: UUID
    row: int
    key: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as stored. `progress` is 0–100, `title` that of the project; times are aware UTC."""

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
    title: str = ""
    batch: JobBatch | None = None


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job, as the history stores it and watchers receive it.

    `milestone` counts the job's changes of state and stage up to and including this event, without a gap; history keeps
    exactly those. `is_milestone`: whether this event is one, or only progress between two.
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


def present_event(job: Job) -> JobEvent:
    """Return an event with the current state of a job."""
    return JobEvent(
        job_id=job.id,
        task_id=job.task_id,
        workspace_id=job.workspace_id,
        sequence=job.sequence,
        milestone=job.milestone,
        is_milestone=False,
        status=job.status,
        stage=job.stage,
        progress=job.progress,
        message=job.message,
        attempt=job.attempt,
        timestamp=job.update_time,
        error=job.error,
        warnings=job.warnings,
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to change one job. Every write carries `token` and changes only a row with the same token."""

    job_id: UUID
    task_id: UUID
    workspace_id: str
    token: UUID
    attempt: int
    failed_attempts: int
