"""A request for a job: one value from the handler of StartRender to the statement that stores the job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from render_service.domain.jobs.job import GenerationOptions, ProviderName, RenderSpec
from render_service.domain.jobs.needs import JobNeed
from render_service.domain.jobs.receiver import Receiver
from render_service.domain.projects.delivery.outputs import NamedOutput
from render_service.domain.projects.output import OutputOptions
from render_service.domain.projects.project import Project, Speech
from render_service.domain.speech.options import SpeechOptions
from render_service.domain.speech.voices import SpeechProvider


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options of a request that do not depend on what it renders.

    Args:
        labels: Names and values that the caller chooses, to find the job by.
        request_id: Idempotency key of the request; None if there is none.
        request_hash: SHA-256 of the whole request without its `request_id`: equal for equal requests.
        priority: Among the workspace's own jobs, −100 to 100; the highest runs first.
        trace_parent: The span that the job's attempts belong to, as a W3C `traceparent`.
        webhook: Notified of this job, besides the webhooks of the workspace.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    request_id: UUID | None = None
    request_hash: bytes = b""
    priority: int = 0
    trace_parent: str | None = None
    webhook: Receiver | None = None


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """A StartRender call whose fields are valid.

    Args:
        workspace_id: The caller's workspace.
        source: A valid project with its variables filled in, or the id of a stored one.
        options: Its options.
        variables: Values for the placeholders of a stored project.
        provider: The provider of the clips; None for the configured default.
        output: Output options that replace those of the project.
        outputs: Several videos to make instead of one, each with options that replace those of the project.
        generation: How clips are generated.
        speech_provider: Who speaks narrations; None for the configured default.
        speech: How narrations are spoken, without defaults.
        speech_override: Its fields take precedence over those of the project's speech; None changes nothing.
        dry_run: Whether to validate and estimate only.
    """

    workspace_id: str
    source: Project | UUID
    options: JobOptions
    variables: Mapping[str, str] = field(default_factory=dict)
    provider: ProviderName | None = None
    output: OutputOptions = field(default_factory=OutputOptions)
    generation: GenerationOptions = field(default_factory=GenerationOptions)
    speech_provider: SpeechProvider | None = None
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    speech_override: Speech | None = None
    dry_run: bool = False
    outputs: tuple[NamedOutput, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to store: all defaults of the request are resolved.

    `is_spoken`: whether a worker has to speak for it; `needs`: what else the worker must be able to do.
    """

    workspace_id: str
    project_id: UUID | None
    provider: ProviderName
    spec: RenderSpec
    options: JobOptions = field(default_factory=JobOptions)
    is_spoken: bool = False
    needs: tuple[JobNeed, ...] = ()
