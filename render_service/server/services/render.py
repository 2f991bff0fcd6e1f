"""The wire side of RenderService."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from prometheus_client import Histogram
from render_client.v1 import job_pb2, render_service_pb2_grpc
from render_client.v1 import render_service_pb2 as pb

from render_service.db.database import DatabaseUnavailable
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.job_lists import JobFilter, Position
from render_service.db.jobs.jobs import Jobs
from render_service.db.jobs.workspace_events import EventPosition, WorkspaceEvents
from render_service.domain.access.audit import Action
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.faults import Faults
from render_service.domain.jobs.job import Artifact, Job, JobEvent, JobStatus, StoredFile
from render_service.domain.projects.project import Project
from render_service.progress.hub import ProgressHub
from render_service.progress.shared_reads import SharedReads
from render_service.progress.watch import Heartbeat, watch_job
from render_service.progress.workspace_watch import watch_workspace
from render_service.queue.frame_queue import FrameQueue
from render_service.retention.remover import Remover
from render_service.server.interceptors.audit import AuditRecorder
from render_service.server.interceptors.base import Context
from render_service.server.interceptors.requests import off_loop
from render_service.server.mapping import page_token
from render_service.server.mapping.cursor import CursorCodec, Cursors
from render_service.server.mapping.enums import ARTIFACT
from render_service.server.mapping.generation import estimate_to_proto
from render_service.server.mapping.ids import (
    NO_ID,
    labels_field,
    optional_uuid_field,
    page_size_field,
    uuid_field,
    variables_field,
    workspace_field,
)
from render_service.server.mapping.job import event_to_proto, job_to_proto, statuses_from_proto
from render_service.server.mapping.pages import JOB_VIEW, View, count_fitting
from render_service.server.mapping.times import timestamp
from render_service.server.services.downloads import Downloads, file_name
from render_service.server.services.event_responses import EventResponses
from render_service.server.services.job_notifier import JobNotifier
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.render_frame import FrameRenderer
from render_service.server.services.render_input import RenderInput
from render_service.server.services.start_render import RenderStarter, request_hash
from render_service.server.services.voices import VoiceLists
from render_service.server.services.watched_jobs import WatchedJobs
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import EVENT_LAG_SECONDS

_OfJob = (
    pb.GetJobRequest
    | pb.CancelJobRequest
    | pb.WatchProgressRequest
    | pb.CreateDownloadUrlRequest
    | pb.DownloadVideoRequest
    | pb.DeleteJobRequest
)

_log = get_logger(__name__)
# Looking up a child takes longer than observing.
_PROGRESS_LAG, _WORKSPACE_LAG = (EVENT_LAG_SECONDS.labels(rpc) for rpc in ("WatchProgress", "WatchWorkspace"))


class RenderServicer(render_service_pb2_grpc.RenderServiceServicer):
    """Renders projects and reports the progress of their jobs.

    Args:
        jobs: The jobs in Postgres.
        lifecycle: Changes jobs.
        parser: Reads and validates projects.
        starter: Starts renders.
        notifier: Notifies workers and watchers of changed jobs.
        events: The events of workspaces in Postgres.
        hub: Forwards published events to watches.
        cursors: Encrypts cursors.
        downloads: Returns URLs of finished videos.
        audit: Writes the audit log.
        deletions: Deletes jobs.
        remover: Deletes their objects.
        render_input: Reads what is to be rendered.
        voices: Lists voices.
        frames: Where workers receive requests for single frames.
    """

    def __init__(
        self,
        *,
        jobs: Jobs,
        lifecycle: JobLifecycle,
        parser: ProjectParser,
        starter: RenderStarter,
        notifier: JobNotifier,
        events: WorkspaceEvents,
        hub: ProgressHub,
        cursors: Cursors,
        downloads: Downloads,
        audit: AuditRecorder,
        deletions: Deletions,
        remover: Remover,
        render_input: RenderInput,
        voices: VoiceLists,
        frames: FrameQueue,
    ) -> None:
        self._frames = FrameRenderer(frames, parser, starter)
        self._voices = voices
        self._input = render_input
        self._deletions = deletions
        self._remover = remover
        self._audit = audit
        self._jobs = jobs
        self._watched_jobs = WatchedJobs(jobs.get)
        self._histories = SharedReads(jobs.history)
        self._responses = EventResponses(jobs.get, downloads, audit)
        self._lifecycle = lifecycle
        self._parser = parser
        self._starter = starter
        self._notifier = notifier
        self._events = events
        self._hub = hub
        self._downloads = downloads
        self._cursors = cursors

    async def StartRender(self, request: pb.StartRenderRequest, context: Context) -> pb.StartRenderResponse:
        """Store a job."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        variables = variables_field(request.variables, "variables", faults)
        source: Project | UUID = NO_ID
        match request.WhichOneof("source"):
            case "project_id":
                source = uuid_field(request.project_id, "project_id", faults)
            case "project":
                source = await self._parser.parse_for_render(request.project, variables, faults)
            case _:
                faults.add("source", "give either project_id or project")
        read = self._input.read(request, faults)
        request_id = optional_uuid_field(request.request_id, "request_id", faults)
        faults.raise_if_any()
        self._input.check_configured(read)
        options = replace(read.options, request_id=request_id, request_hash=await off_loop(request_hash, request))
        started = await self._starter.start(replace(read, source=source, variables=variables, options=options))
        job = started.job
        return pb.StartRenderResponse(
            job=await self._with_urls(job) if job is not None else None,
            estimate=estimate_to_proto(started.clips, started.narrations)
            if started.clips or started.narrations
            else None,
        )

    async def GetJob(self, request: pb.GetJobRequest, context: Context) -> pb.GetJobResponse:
        """Return a job as it is now."""
        job = await self._job(request, Faults())
        return pb.GetJobResponse(job=await self._with_urls(job))

    async def ListJobs(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        """Return a page of jobs."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        limit = page_size_field(request.page_size, "page_size", faults)
        wanted = JobFilter(
            statuses=statuses_from_proto(request.statuses, "statuses", faults),
            project_id=optional_uuid_field(request.project_id, "project_id", faults),
            labels=labels_field(request.labels, "labels", faults),
            batch_id=optional_uuid_field(request.batch_id, "batch_id", faults),
        )
        view = JOB_VIEW.read(request.view, "view", faults) or View.BASIC
        faults.raise_if_any()
        binding = page_token.binding_of(request)
        after = page_token.decode(request.page_token, binding=binding) if request.page_token else None
        found, end = await self._jobs.list(request.workspace_id, wanted, after=after, limit=limit)
        items = [job_to_proto(job, urls, view) for job, urls in zip(found, await self._urls(found), strict=True)]
        if (count := count_fitting(items)) < len(items):
            end = Position(found[count - 1].create_time, found[count - 1].id)
        return pb.ListJobsResponse(
            jobs=items[:count],
            next_page_token=page_token.encode(end, binding=binding) if end else "",
        )

    async def CancelJob(self, request: pb.CancelJobRequest, context: Context) -> pb.CancelJobResponse:
        """Request the cancellation of a job."""
        job = await self._job(request, Faults())
        if not job.status.terminal:
            await self._audit.record(Action.JOB_CANCELLED, job.workspace_id, job.id)
            event = await self._lifecycle.cancel(job.workspace_id, job.id)
            if event is not None:
                self._notifier.notify(event)
            job = await self._jobs.get(job.workspace_id, job.id)
        return pb.CancelJobResponse(job=await self._with_urls(job))

    async def WatchProgress(
        self, request: pb.WatchProgressRequest, context: Context
    ) -> AsyncIterator[pb.WatchProgressResponse]:
        """Stream the events of a job until it ends."""
        job_id, task_id, after = await self._watched(request)
        began = datetime.now(UTC)
        async with aclosing(watch_job(self._hub, self._histories.read, job_id, task_id, after)) as updates:
            async for update in updates:
                if isinstance(update, Heartbeat):
                    yield pb.WatchProgressResponse(heartbeat=timestamp(update.timestamp))
                else:
                    _measure_lag(_PROGRESS_LAG, update, began)
                    yield await self._responses.response(update)

    async def WatchWorkspace(
        self, request: pb.WatchWorkspaceRequest, context: Context
    ) -> AsyncIterator[pb.WatchWorkspaceResponse]:
        """Stream the events of a workspace until cancelled."""
        faults = Faults()
        workspace_id = workspace_field(request.workspace_id, "workspace_id", faults)
        labels = labels_field(request.labels, "labels", faults)
        faults.raise_if_any()
        codec = await self._cursors.codec()
        start = await self._start_of(request, codec)
        began = datetime.now(UTC)
        watch = watch_workspace(
            self._hub, self._events, workspace_id, start, labels, include_progress=request.include_progress
        )
        async with aclosing(watch) as updates:
            async for update in updates:
                response = pb.WatchWorkspaceResponse(cursor=codec.encode(update.position, workspace_id))
                if update.event is None:
                    response.heartbeat.CopyFrom(timestamp(datetime.now(UTC)))
                else:
                    _measure_lag(_WORKSPACE_LAG, update.event, began)
                    response.event.CopyFrom(event_to_proto(update.event, await self._urls_of(update.event)))
                yield response

    async def CreateDownloadUrl(
        self, request: pb.CreateDownloadUrlRequest, context: Context
    ) -> pb.CreateDownloadUrlResponse:
        """Make an address of a finished video."""
        job, file = await self._file(request, Faults())
        await self._record_file(Action.FILE_URL_PRESIGNED, job, file)
        signed = await self._downloads.url(job.id, file)
        return pb.CreateDownloadUrlResponse(url=signed.url, expire_time=timestamp(signed.expire_time))

    async def DownloadVideo(
        self, request: pb.DownloadVideoRequest, context: Context
    ) -> AsyncIterator[pb.DownloadVideoResponse]:
        """Send the bytes of a finished video."""
        faults = Faults()
        if request.offset < 0:
            faults.add("offset", "must not be negative")
        job, file = await self._file(request, faults)
        await self._record_file(Action.FILE_DOWNLOADED, job, file)
        try:
            async for piece in self._downloads.read(job.id, file, request.offset):
                yield piece
        except DomainError as error:
            if error.reason is ErrorReason.FILE_LOST:
                await self._file(request, faults)  # refused if the job or its video was deleted meanwhile
                _log.error("stored file lost", job_id=str(job.id), key=file.key)
            raise

    async def RenderFrame(self, request: pb.RenderFrameRequest, context: Context) -> pb.RenderFrameResponse:
        """Return the picture at a time of a video."""
        return await self._frames.render(request)

    async def ListVoices(self, request: pb.ListVoicesRequest, context: Context) -> pb.ListVoicesResponse:
        """Return a page of voices."""
        return await self._voices.list(request)

    async def DeleteJob(self, request: pb.DeleteJobRequest, context: Context) -> pb.DeleteJobResponse:
        """Delete a job that has ended, with its objects."""
        job = await self._job(request, Faults())
        if job.status.terminal:
            await self._audit.record(Action.JOB_DELETED, job.workspace_id, job.id)
        await self._deletions.delete_job(job.workspace_id, job.id)
        self._remover.nudge()
        return pb.DeleteJobResponse()

    async def _watched(self, request: pb.WatchProgressRequest) -> tuple[UUID, UUID, int | None]:
        """Return a watch's job, task and last sequence, and nothing else: a watch holds them for hours."""
        faults = Faults()
        after = request.after_sequence if request.HasField("after_sequence") else None
        if after is not None and after < 0:
            faults.add("after_sequence", "must not be negative")
        job_id = _job_id(request, faults)
        return job_id, await self._watched_jobs.task_of(request.workspace_id, job_id), after

    async def _start_of(self, request: pb.WatchWorkspaceRequest, codec: CursorCodec) -> EventPosition:
        if request.WhichOneof("start") == "cursor":
            start = codec.decode(request.cursor, request.workspace_id)
            horizon = await self._events.horizon(request.workspace_id)
            if start < horizon:
                raise DomainError(
                    ErrorReason.CURSOR_PRUNED,
                    "the events behind this cursor are no longer kept",
                    {"oldest": codec.encode(horizon, request.workspace_id)},
                )
            return start
        if request.from_oldest:
            return await self._events.horizon(request.workspace_id)
        return await self._events.now()

    async def _job(self, request: _OfJob, faults: Faults) -> Job:
        job_id = _job_id(request, faults)
        return await self._jobs.get(request.workspace_id, job_id)

    async def _file(
        self, request: pb.CreateDownloadUrlRequest | pb.DownloadVideoRequest, faults: Faults
    ) -> tuple[Job, StoredFile]:
        artifact = ARTIFACT.read(request.artifact, "artifact", faults) or Artifact.VIDEO
        job = await self._job(request, faults)
        stream_file = request.stream_file if isinstance(request, pb.DownloadVideoRequest) else ""
        return job, self._downloads.file(job, artifact, request.output, stream_file)

    async def _record_file(self, action: Action, job: Job, file: StoredFile) -> None:
        await self._audit.record(action, job.workspace_id, job.id, detail=file_name(file))

    async def _urls_of(self, event: JobEvent) -> tuple[str, ...]:
        if event.status is not JobStatus.COMPLETED:
            return ()
        (urls,) = await self._urls([await self._jobs.get(event.workspace_id, event.job_id)])
        return urls

    async def _with_urls(self, job: Job) -> job_pb2.Job:
        (urls,) = await self._urls([job])
        return job_to_proto(job, urls)

    async def _urls(self, jobs: Sequence[Job]) -> list[tuple[str, ...]]:
        """Return the video URLs of jobs of one workspace, and record in the audit log who receives ours."""
        found = [await self._downloads.video_urls(job) for job in jobs]
        ours = {
            job.id: file_name(job.video.files[Artifact.VIDEO])
            for job, urls in zip(jobs, found, strict=True)
            if urls and job.video is not None
        }
        try:
            if ours:
                await self._audit.record_returned_urls(jobs[0].workspace_id, ours)
        except DatabaseUnavailable:
            # Reads continue while Postgres is read-only; only the URLs, which must be in the audit log, are omitted.
            return [() if job.id in ours else urls for job, urls in zip(jobs, found, strict=True)]
        return found


def _job_id(request: _OfJob, faults: Faults) -> UUID:
    workspace_field(request.workspace_id, "workspace_id", faults)
    job_id = uuid_field(request.job_id, "job_id", faults)
    faults.raise_if_any()
    return job_id


def _measure_lag(lag: Histogram, event: JobEvent, began: datetime) -> None:
    """Measure how late an event is delivered, unless it is older than the watch."""
    if event.timestamp > began:
        lag.observe(max(0.0, (datetime.now(UTC) - event.timestamp).total_seconds()))
