"""Starting a render: what is rendered, by whom, and that the same request never starts it twice."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from google.protobuf.message import Message

from render_service.config import Settings
from render_service.db.jobs import JobRequest, Jobs
from render_service.db.projects import Projects
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.job import Job, ProviderName, RenderSpec
from render_service.domain.output import OutputOptions, decide_output
from render_service.domain.project import MODE_PRESETS, Project
from render_service.server.announcer import Announcer
from render_service.server.mapping.faults import Faults
from render_service.server.project_reader import ProjectReader

_AVAILABLE = frozenset({ProviderName.LOCAL, ProviderName.MOCK})
_SETTING_OF = {
    ProviderName.RUNWAY: "RUNWAYML_API_KEY",
    ProviderName.PIKA: "PIKA_API_KEY",
    ProviderName.CUSTOM: "CUSTOM_VIDEO_API_URL",
}


def request_hash(request: Message) -> bytes:
    """Return the SHA-256 of a StartRender request without its request_id: equal for equal requests."""
    body = type(request)()
    body.CopyFrom(request)
    body.ClearField("request_id")
    return hashlib.sha256(body.SerializeToString(deterministic=True)).digest()


class Starter:
    """Starts renders.

    Args:
        jobs: Where jobs are stored.
        projects: Where projects are stored.
        announcer: Tells of new jobs.
        reader: Knows the rules of projects.
        settings: The service's configuration.
    """

    def __init__(
        self, jobs: Jobs, projects: Projects, announcer: Announcer, reader: ProjectReader, settings: Settings
    ) -> None:
        self._jobs = jobs
        self._projects = projects
        self._announcer = announcer
        self._reader = reader
        self._default_provider = settings.default_provider

    async def start(
        self,
        workspace_id: str,
        source: Project | UUID,
        *,
        provider: ProviderName | None,
        output: OutputOptions,
        labels: Mapping[str, str],
        request_id: UUID | None,
        digest: bytes,
    ) -> Job:
        """Store a job; once this has returned, the job reaches an end.

        Args:
            workspace_id: The caller's workspace.
            source: A project that keeps the rules, or the id of a stored one.
            provider: Who makes the pictures; None for the configured default.
            output: The form of the video, where it shall differ from the project's.
            labels: The caller's own.
            request_id: The caller's id of this request, if any.
            digest: `request_hash` of the request.

        Returns:
            The job: a new one, or the one that the same request has made before.

        Raises:
            DomainError: INVALID_FIELD, PROJECT_NOT_FOUND, PROVIDER_NOT_CONFIGURED or REQUEST_ID_REUSED.
        """
        if request_id is not None:
            # Before anything else: the project may have changed or gone since.
            earlier = await self._jobs.started_by(workspace_id, request_id, digest)
            if earlier is not None:
                return earlier
        project_id = source if isinstance(source, UUID) else None
        project = source if isinstance(source, Project) else await self._stored(workspace_id, source)
        provider = provider or self._default_provider
        _check_provider(provider)
        preset = MODE_PRESETS[project.mode]
        request = JobRequest(
            workspace_id=workspace_id,
            project_id=project_id,
            provider=provider,
            spec=RenderSpec(project, decide_output(output.over(project.output), preset.aspect_ratio)),
            labels=labels,
            request_id=request_id,
            request_hash=digest,
        )
        job, event = await self._jobs.start(request)
        if event is not None:
            self._announcer.announce(event)
        return job

    async def _stored(self, workspace_id: str, project_id: UUID) -> Project:
        project = (await self._projects.get(workspace_id, project_id)).project
        faults = Faults()
        self._reader.check(project, faults, for_render=True)
        faults.raise_if_any()
        return project


def _check_provider(provider: ProviderName) -> None:
    if provider not in _AVAILABLE:
        raise DomainError(
            ErrorReason.PROVIDER_NOT_CONFIGURED,
            f"this server cannot use the provider {provider}",
            {"provider": provider, "setting": _SETTING_OF[provider]},
        )
