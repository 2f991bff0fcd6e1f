"""Starts renders: decides what is rendered and by which provider, and never starts the same request twice."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from render_client.v1 import render_service_pb2 as pb

from render_service.config.lottie import undrawn_lotties
from render_service.config.providers import missing_settings
from render_service.config.recognition import RECOGNITION_EXTRA
from render_service.config.settings import Settings
from render_service.db.brand.brand_kits import BrandKits
from render_service.db.jobs.jobs import Jobs
from render_service.db.projects.projects import Projects
from render_service.domain.brand.kit import StoredBrandKit
from render_service.domain.errors import DomainError, ErrorReason, FieldFault, InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.generation.clip_plan import ClipSpec, check_generation, choices, estimated_cost, plan_clips
from render_service.domain.generation.provider_models import GENERATING_PROVIDERS, USD
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import Job, ProviderChoice, ProviderName, RenderSpec
from render_service.domain.jobs.needs import JobNeed
from render_service.domain.jobs.request import JobOptions, JobRequest, RenderRequest
from render_service.domain.projects.delivery.ai_label import with_ai_label
from render_service.domain.projects.delivery.length_rules import length_fault, poster_fault
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.delivery.streaming import container_fault, ladder_faults
from render_service.domain.projects.languages import missing_translations, respoken, speaks, spoken_language
from render_service.domain.projects.looks.modes import MODE_PRESETS
from render_service.domain.projects.output import AudioLanguage, OutputOptions, OutputSpec, codec_fault, decide_output
from render_service.domain.projects.project import Project, Speech
from render_service.domain.projects.word_times import timed_later, unwritten_shots
from render_service.domain.speech.terms import PlannedNarration
from render_service.domain.speech.voices import SpeechProvider
from render_service.server.fonts.pinning import FontPinner
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.rate_limits import QuotaCache
from render_service.server.interceptors.requests import is_small_request, mark_large, off_loop
from render_service.server.services.job_notifier import JobNotifier
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.speech_plan import SpeechPlan, SpeechPlanner
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import JOBS_STARTED
from render_service.telemetry.tracing.spans import annotate

_log = get_logger(__name__)


def request_hash(request: pb.StartRenderRequest) -> bytes:
    """Return the SHA-256 of a request without its request_id: equal for equal requests.

    The field is cleared for a moment: a copy of the largest request would take as long as the hash.
    """
    request_id = request.request_id
    request.ClearField("request_id")
    try:
        return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    finally:
        request.request_id = request_id


@dataclass(frozen=True, slots=True)
class Started:
    """The outcome of StartRender: the job, None for a dry run, and the clips and narrations to be submitted for it."""

    job: Job | None
    clips: tuple[ClipSpec, ...] = ()
    narrations: tuple[PlannedNarration, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that can be stored, and the clips and narrations to be submitted for it."""

    job: JobRequest
    clips: tuple[ClipSpec, ...]
    narrations: tuple[PlannedNarration, ...]

    @property
    def cost(self) -> tuple[Cost, ...]:
        """What these are likely to cost, as far as prices are known, in parts."""
        spoken = (Cost(USD, one.cost) for one in self.narrations if one.cost is not None)
        return (*estimated_cost(self.clips), *spoken)


FindKit = Callable[[str, str], Awaitable[StoredBrandKit | None]]
"""Returns the brand kit of a workspace by its name."""


class RenderStarter:
    """Starts renders.

    Args:
        jobs: Stores jobs.
        projects: Stores projects.
        notifier: Notifies workers and watchers of new jobs.
        parser: Fills in and validates projects.
        settings: The service's configuration.
        quotas: The quotas of workspaces.
        speech: Decides who speaks.
        kits: The brand kits of workspaces.
        fonts: Pins the uploaded fonts that projects name.
    """

    def __init__(
        self,
        jobs: Jobs,
        projects: Projects,
        notifier: JobNotifier,
        parser: ProjectParser,
        *,
        settings: Settings,
        quotas: QuotaCache,
        speech: SpeechPlanner,
        kits: BrandKits,
        fonts: FontPinner,
    ) -> None:
        self.fonts = fonts
        """Pins the fonts of jobs."""
        self._kits = kits
        self._quotas = quotas
        self._speech = speech
        self._jobs = jobs
        self._projects = projects
        self._notifier = notifier
        self._parser = parser
        self._default_provider = settings.default_provider
        self._missing = missing_settings(settings)
        self._recognizes = settings.recognizes
        self._aligns = settings.speaks_locally

    async def start(self, request: RenderRequest) -> Started:
        """Store a job. Once this has returned, the job reaches an end.

        Returns:
            The job, a new one or the one that the same request has made before, and the clips to be generated for it.

        Raises:
            DomainError: INVALID_FIELD, PROJECT_NOT_FOUND, PROVIDER_NOT_CONFIGURED, REQUEST_ID_REUSED or QUOTA_EXCEEDED.
        """
        workspace_id, options = request.workspace_id, request.options
        if options.request_id is not None and not request.dry_run:
            # First of all: the project may have changed or been deleted since.
            earlier = await self._jobs.started_by(workspace_id, options.request_id, options.request_hash)
            if earlier is not None:
                return Started(earlier)
        prepared = await self.prepare(request, None, self.fonts)
        if request.dry_run:
            return Started(None, prepared.clips, prepared.narrations)
        provider = prepared.job.provider
        job, event = await self._jobs.start(
            prepared.job,
            quotas=await self._quotas.of(workspace_id),
            origin=current_origin(),
            is_small=prepared.job.project_id is None and is_small_request(),
            is_sent=self._notifier.sends_directly,
        )
        annotate({"render.job.id": str(job.id), "render.provider": provider})
        if event is not None:
            JOBS_STARTED.labels(provider).inc()
            _log.info("render started", job_id=str(job.id), workspace_id=workspace_id, provider=provider)
        return Started(job, prepared.clips, prepared.narrations)

    async def prepare(self, request: RenderRequest, find_kit: FindKit | None, fonts: FontPinner) -> Prepared:
        """Return the job of a request, with everything checked that can be checked before it runs.

        Args:
            request: The request.
            find_kit: Finds the brand kit that the project names; None reads it.
            fonts: Pins the uploaded fonts that it names.

        Raises:
            DomainError: INVALID_FIELD, PROJECT_NOT_FOUND or PROVIDER_NOT_CONFIGURED.
        """
        provider = request.provider or self._default_provider
        project = await self._project(request, find_kit)
        spec = await fonts.pin(request.workspace_id, await self._decide(request, project))
        speech = await self._speech.plan(request, spec.project, project)
        # At the project of the request, if the request itself has none.
        field = "output" if request.output.audio_languages or isinstance(request.source, UUID) else "project.output"
        for place, audio in enumerate(spec.output.audio_languages):
            path = f"{field}.audio_languages[{place}]"
            speech = speech.also(await self._plan_dub(request, spec.project, audio, path))
        if speech.options is not None:
            spec = replace(spec, speech=speech.options)
        needs = await off_loop(self._needs, spec)
        clips = await off_loop(self._clips, provider, spec)
        project_id = request.source if isinstance(request.source, UUID) else None
        is_spoken = speech.options is not None
        job = JobRequest(request.workspace_id, project_id, provider, spec, request.options, is_spoken, needs)
        return Prepared(job, clips, speech.narrations)

    async def spec_of(
        self, workspace_id: str, source: Project | UUID, variables: Mapping[str, str], output: OutputOptions
    ) -> RenderSpec:
        """Return what a job would render of a project, without its providers.

        Args:
            workspace_id: The caller's workspace.
            source: A valid project with its variables filled in, or the id of a stored one.
            variables: Values for the placeholders of a stored project.
            output: Output options that replace those of the project.

        Raises:
            DomainError: INVALID_FIELD or PROJECT_NOT_FOUND.
        """
        request = RenderRequest(workspace_id, source, JobOptions(), variables, output=output)
        spec = await self._decide(request, await self._project(request))
        return await self.fonts.pin(workspace_id, spec)

    async def _project(self, request: RenderRequest, find_kit: FindKit | None = None) -> Project:
        """Return the project to render, with its variables filled in, and what its brand kit gives it."""
        source = request.source
        project = source if isinstance(source, Project) else await self._stored(request, source)
        project = await self._branded(request, project, find_kit or self._kits.find) if project.brand_kit else project
        faults = Faults()
        faults.add_all(undrawn_lotties(project))
        faults.raise_if_any()
        return replace(project, captions=project.captions.with_defaults())

    async def _branded(self, request: RenderRequest, project: Project, find_kit: FindKit) -> Project:
        """Return a project with what its brand kit gives it."""
        kit = await find_kit(request.workspace_id, project.brand_kit)
        if kit is None:
            fault = f"must name a brand kit of this workspace, which has none called {project.brand_kit}"
            raise InvalidFields([FieldFault("project.brand_kit", fault)])
        faults = Faults()
        filled = await off_loop(self._parser.apply_kit, project, kit.kit, faults)
        faults.raise_if_any()
        return filled

    async def _decide(self, request: RenderRequest, project: Project) -> RenderSpec:
        """Return what to render, with the defaults of everything that the request omits."""
        if request.speech_override is not None:
            project = await off_loop(self._respoken, project, request.speech_override)
        if request.outputs:
            return self._decide_several(request, project)
        options = self._options(request, request.output.over(project.output))
        output = _resolved(project, options, "output")
        return RenderSpec(with_ai_label(project, output), output, request.generation)

    def _decide_several(self, request: RenderRequest, project: Project) -> RenderSpec:
        """Return what to render for a request with several outputs."""
        outputs, languages = [], tuple[AudioLanguage, ...]()
        for place, named in enumerate(request.outputs):
            options = self._options(request, named.output.over(project.output))
            output = _resolved(project, options, f"outputs[{place}].output")
            outputs.append(ResolvedOutput(named.name, output, named.burn_captions))
            languages = languages or output.audio_languages
        faults = Faults()
        faults.add_all(ladder_faults([named.output for named in outputs], "outputs"))
        faults.raise_if_any()
        # The first may be an animation, which has no sound; the others are spoken all the same.
        first = replace(outputs[0].output, audio_languages=languages)
        return RenderSpec(project, first, request.generation, outputs=tuple(outputs))

    def _options(self, request: RenderRequest, options: OutputOptions) -> OutputOptions:
        """Return options without the further language that is now the main one."""
        main = request.speech_override.language if request.speech_override is not None else ""
        if main and not request.output.audio_languages:
            # A language that the request chooses for the main track needs none of its own any longer.
            others = tuple(one for one in options.audio_languages if not speaks(one.language, main))
            options = replace(options, audio_languages=others)
        return options

    def _respoken(self, project: Project, speech: Speech) -> Project:
        """Return a project with other speech; what it says then obeys the rules of projects, too."""
        faults = Faults()
        if speech.language:
            faults.add_all(missing_translations(project, speech.language))
        faults.raise_if_any()
        return respoken(project, speech)

    def _needs(self, spec: RenderSpec) -> tuple[JobNeed, ...]:
        """Return what the job needs of its worker beside its providers."""
        recognized, aligned = unwritten_shots(spec.project), timed_later(spec.project, spec.speech.first.provider)
        if recognized and not self._recognizes:
            raise DomainError(
                ErrorReason.PROVIDER_NOT_CONFIGURED,
                f"captions.from_audio is not configured: install the extra {RECOGNITION_EXTRA} on server and workers",
                {"provider": SpeechProvider.LOCAL, "setting": "RENDER_RECOGNITION"},
            )
        # A server without the extra does not know of the workers: then any takes the job, and aligns if it can.
        alignment = (JobNeed.ALIGNMENT,) if aligned and self._aligns else ()
        return (*alignment, JobNeed.RECOGNITION) if recognized else alignment

    async def _plan_dub(self, request: RenderRequest, project: Project, audio: AudioLanguage, path: str) -> SpeechPlan:
        """Plan a further track of sound, whose options are at a path of the request."""
        override = Speech(audio.voice, language=audio.language)
        dubbed = await off_loop(self._dubbed, project, override, f"{path}.language")
        try:
            return await self._speech.plan(replace(request, speech_override=override), dubbed, project)
        except InvalidFields as invalid:
            own = "speech."
            raise InvalidFields(
                [
                    replace(fault, field=f"{path}.{fault.field.removeprefix(own)}")
                    if fault.field.startswith(own)
                    else fault
                    for fault in invalid.faults
                ]
            ) from None

    def _dubbed(self, project: Project, override: Speech, field: str) -> Project:
        """Return a project as it is spoken in a further track of sound, whose language is at a field of the request."""
        language = override.language
        if speaks(spoken_language(project), language):
            raise InvalidFields(
                [FieldFault(field, f"must be another language than the project's, which is {language}")]
            )
        missing = [fault.field for fault in missing_translations(project, language)]
        if missing:
            description = f"must have a translation for every narration; {missing[0]} has none in {language}"
            raise InvalidFields([FieldFault(field, description)])
        return respoken(project, override)

    def _clips(self, provider: ProviderName, spec: RenderSpec) -> tuple[ClipSpec, ...]:
        """Return the clips to generate, all validated: what can be checked now must not fail later."""
        faults = Faults()
        faults.add_all(check_generation(provider, spec))
        faults.raise_if_any()
        for choice in choices(provider, spec.generation):
            if choice.provider in self._missing:
                raise not_configured(choice.provider, self._missing[choice.provider])
        if provider not in GENERATING_PROVIDERS:
            return ()
        return plan_clips(spec, ProviderChoice(provider, spec.generation.model))

    async def _stored(self, request: RenderRequest, project_id: UUID) -> Project:
        project = (await self._projects.get(request.workspace_id, project_id)).project
        # The request is small, and the project may be as large as any.
        mark_large()
        faults = Faults()
        filled = await off_loop(self._parser.fill_in, project, request.variables, faults)
        faults.raise_if_any()
        return filled


def _resolved(project: Project, options: OutputOptions, path: str) -> OutputSpec:
    """Return the format that options ask for, which are at a path of the request.

    Raises:
        InvalidFields: The container cannot be streamed, or hold the codec or so long a video, or the poster's time is
            beyond the end.
    """
    if fault := codec_fault(options):
        raise InvalidFields([FieldFault(f"{path}.codec", fault)])
    if fault := container_fault(options):
        raise InvalidFields([FieldFault(f"{path}.streaming", fault)])
    output = decide_output(options, MODE_PRESETS[project.mode].aspect_ratio)
    if fault := length_fault(project, output):
        raise InvalidFields([FieldFault(f"{path}.container", fault)])
    if fault := poster_fault(project, output):
        raise InvalidFields([FieldFault(f"{path}.poster_time", fault)])
    return output


def not_configured(provider: ProviderName, setting: str) -> DomainError:
    """Return the error for a provider that lacks a setting. It names the setting, never a value."""
    return DomainError(
        ErrorReason.PROVIDER_NOT_CONFIGURED,
        f"provider {provider} is not configured: {setting} is not set on the server",
        {"provider": provider, "setting": setting},
    )
