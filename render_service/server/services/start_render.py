"""Starting a render: what is rendered, by whom, and that the same request never starts it twice."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from google.protobuf.message import Message

from render_service.config.settings import Settings, missing_settings
from render_service.db.jobs.jobs import JobRequest, Jobs
from render_service.db.projects.projects import Projects
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.faults import Faults
from render_service.domain.generation.clip_plan import ClipOrder, check_generation, choices, plan_clips
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS
from render_service.domain.jobs.job import GenerationOptions, Job, ProviderChoice, ProviderName, RenderSpec
from render_service.domain.projects.output import OutputOptions, decide_output
from render_service.domain.projects.project import MODE_PRESETS, Project
from render_service.domain.webhooks.webhook import Receiver
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.rate_limits import QuotaCache
from render_service.server.services.job_notifier import JobNotifier
from render_service.server.services.project_input import ProjectReader
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import JOBS_STARTED
from render_service.telemetry.tracing.spans import annotate

_log = get_logger(__name__)


def request_hash(request: Message) -> bytes:
    """Return the SHA-256 of a StartRender request without its request_id: equal for equal requests."""
    body = type(request)()
    body.CopyFrom(request)
    body.ClearField("request_id")
    return hashlib.sha256(body.SerializeToString(deterministic=True)).digest()


@dataclass(frozen=True, slots=True)
class Started:
    """What a StartRender call led to: the job, None for a dry run, and the clips that are ordered for it."""

    job: Job | None
    orders: tuple[ClipOrder, ...]


class Starter:
    """Starts renders.

    Args:
        jobs: Where jobs are stored.
        projects: Where projects are stored.
        announcer: Tells of new jobs.
        reader: Knows the rules of projects.
        settings: The service's configuration.
        quotas: Knows how much workspaces may use.
    """

    def __init__(
        self,
        jobs: Jobs,
        projects: Projects,
        announcer: JobNotifier,
        reader: ProjectReader,
        *,
        settings: Settings,
        quotas: QuotaCache,
    ) -> None:
        self._quotas = quotas
        self._jobs = jobs
        self._projects = projects
        self._announcer = announcer
        self._reader = reader
        self._default_provider = settings.default_provider
        self._missing = missing_settings(settings)

    async def start(
        self,
        workspace_id: str,
        source: Project | UUID,
        *,
        variables: Mapping[str, str],
        provider: ProviderName | None,
        output: OutputOptions,
        generation: GenerationOptions,
        labels: Mapping[str, str],
        request_id: UUID | None,
        digest: bytes,
        dry_run: bool = False,
        priority: int = 0,
        trace_parent: str | None = None,
        webhook: Receiver | None = None,
    ) -> Started:
        """Store a job; once this has returned, the job reaches an end.

        Args:
            workspace_id: The caller's workspace.
            source: A project that keeps the rules, with its variables put in, or the id of a stored one.
            variables: What to put in the places of a stored project.
            provider: Who makes the pictures; None for the configured default.
            output: The form of the video, where it shall differ from the project's.
            generation: How clips are generated.
            labels: The caller's own.
            request_id: The caller's id of this request, if any.
            digest: `request_hash` of the request.
            dry_run: Whether to check and price everything, and to start nothing.
            priority: Among the workspace's own jobs; greater goes first.
            trace_parent: The span that the job's attempts belong to, as a W3C `traceparent`.
            webhook: Is told of the job, besides the webhooks of the workspace.

        Returns:
            The job, a new one or the one that the same request has made before, and what is ordered for it.

        Raises:
            DomainError: INVALID_FIELD, PROJECT_NOT_FOUND, PROVIDER_NOT_CONFIGURED, REQUEST_ID_REUSED or QUOTA_EXCEEDED.
        """
        provider = provider or self._default_provider
        if request_id is not None and not dry_run:
            # Before anything else: the project may have changed or gone since.
            earlier = await self._jobs.started_by(workspace_id, request_id, digest)
            if earlier is not None:
                return Started(earlier, ())
        project_id = source if isinstance(source, UUID) else None
        project = source if isinstance(source, Project) else await self._stored(workspace_id, source, variables)
        preset = MODE_PRESETS[project.mode]
        spec = RenderSpec(project, decide_output(output.over(project.output), preset.aspect_ratio), generation)
        orders = self._ordered(provider, spec)
        if dry_run:
            return Started(None, orders)
        request = JobRequest(
            workspace_id=workspace_id,
            project_id=project_id,
            provider=provider,
            spec=spec,
            labels=labels,
            request_id=request_id,
            request_hash=digest,
            priority=priority,
            trace_parent=trace_parent,
            webhook=webhook,
        )
        quotas = await self._quotas.of(workspace_id)
        await self._quotas.check_stored(workspace_id, quotas)
        job, event = await self._jobs.start(request, most_queued=quotas.queued_jobs, origin=current_origin())
        annotate({"render.job.id": str(job.id), "render.provider": provider})
        if event is not None:
            JOBS_STARTED.labels(provider).inc()
            _log.info("render started", job_id=str(job.id), workspace_id=workspace_id, provider=provider)
            self._announcer.announce(event)
        return Started(job, orders)

    def _ordered(self, provider: ProviderName, spec: RenderSpec) -> tuple[ClipOrder, ...]:
        """Return what is ordered for a render, all of it checked: nothing must fail later that can be known now."""
        faults = Faults()
        faults.add_all(check_generation(provider, spec))
        faults.raise_if_any()
        for choice in choices(provider, spec.generation):
            if choice.provider in self._missing:
                raise not_configured(choice.provider, self._missing[choice.provider])
        if provider not in GENERATING_PROVIDERS:
            return ()
        return plan_clips(spec, ProviderChoice(provider, spec.generation.model))

    async def _stored(self, workspace_id: str, project_id: UUID, variables: Mapping[str, str]) -> Project:
        project = (await self._projects.get(workspace_id, project_id)).project
        faults = Faults()
        # In a thread: values can make a project many times as long.
        filled = await asyncio.to_thread(self._reader.fill_in, project, variables, faults)
        faults.raise_if_any()
        return filled


def not_configured(provider: ProviderName, setting: str) -> DomainError:
    """Return the refusal for a provider that lacks a setting; names the setting, never a value."""
    return DomainError(
        ErrorReason.PROVIDER_NOT_CONFIGURED,
        f"this server cannot use the provider {provider}: {setting} is not set",
        {"provider": provider, "setting": setting},
    )
