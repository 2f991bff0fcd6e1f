"""A render service in memory that speaks the real contract over real sockets, and a line to it that can be cut."""

import hashlib
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from render_client import has_ended
from render_client.v1 import job_pb2, project_pb2, project_service_pb2, render_service_pb2
from render_client.v1.project_service_pb2_grpc import ProjectServiceServicer
from render_client.v1.render_service_pb2_grpc import RenderServiceServicer
from typing_extensions import override

from tests.unit.client.fake_batches import FakeBatches
from tests.unit.client.fake_brands import FakeBrands
from tests.unit.client.fake_webhooks import FakeWebhooks

PIECE = 64 * 1024
# 1 MiB without repetition, so that a piece in the wrong place shows.
FILE = b"".join(hashlib.sha256(index.to_bytes(4, "big")).digest() for index in range(32 * 1024))


def refusal(
    code: grpc.StatusCode,
    message: str,
    reason: str = "",
    *,
    metadata: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    retry_after: float | None = None,
) -> status_pb2.Status:
    """Make a status with details as the service sends it."""
    details: list[Message] = []
    if reason:
        details.append(error_details_pb2.ErrorInfo(reason=reason, domain="render.v1", metadata=metadata))
    if faults:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=name, description=fault) for name, fault in faults.items()
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    number: int = code.value[0]
    return status_pb2.Status(code=number, message=message, details=packed)


@dataclass
class StoredJob:
    """A job with all its changes."""

    job: job_pb2.Job
    events: list[job_pb2.JobEvent] = field(default_factory=list)


class FakeService(RenderServiceServicer, ProjectServiceServicer):
    """Jobs and projects in memory; what happens to them is up to the test.

    Attributes:
        calls: The requests that came, by method.
        refusals: Statuses to refuse the next calls with, by method.
        tokens: The authorization metadata that came with each call.
        traces: The `traceparent` that came with each call that had one.
        journal: The changes of all jobs.
        webhooks: Webhooks and their deliveries.
        brands: Brand kits.
        batches: Batches.
        file: The bytes of every job's video.
        sha256: What is said of them.
        pieces_before_break: How many pieces each download sends before it breaks; empty means unbroken.
        repeat: Whether a resumed watch begins with events already sent.
        silent: Whether watches give no signs of life.
        watchers: How many watches are open.
        changed: Notified of every change here.
    """

    def __init__(self) -> None:
        self.calls: dict[str, list[Message]] = defaultdict(list)
        self.refusals: dict[str, list[status_pb2.Status]] = defaultdict(list)
        self.tokens: list[str] = []
        self.traces: list[str] = []
        self.jobs: dict[str, StoredJob] = {}
        self.journal: list[job_pb2.JobEvent] = []
        self.projects: dict[str, project_pb2.Project] = {}
        self.webhooks = FakeWebhooks(self._admit)
        self.brands = FakeBrands(self._admit)
        self.batches = FakeBatches(self._admit)
        self.file = FILE
        self.sha256 = hashlib.sha256(self.file).hexdigest()
        self.pieces_before_break: list[int] = []
        self.repeat = False
        self.silent = False
        self.watchers = 0
        self.changed = threading.Condition()

    def new_job(self, **fields: str) -> str:
        """Store a PENDING job."""
        job_id = str(uuid.uuid4())
        job = job_pb2.Job(job_id=job_id, task_id=str(uuid.uuid4()), workspace_id="default", provider="local")
        for name, value in fields.items():
            setattr(job, name, value)
        self.jobs[job_id] = StoredJob(job)
        self.happen(job_id, job_pb2.JOB_STATUS_PENDING)
        return job_id

    def happen(
        self,
        job_id: str,
        status: job_pb2.JobStatus.ValueType = job_pb2.JOB_STATUS_PROCESSING,
        stage: job_pb2.JobStage.ValueType = job_pb2.JOB_STAGE_UNSPECIFIED,
        progress: int = 0,
        message: str = "",
    ) -> None:
        """Change a job."""
        with self.changed:
            stored = self.jobs[job_id]
            event = job_pb2.JobEvent(
                job_id=job_id,
                sequence=len(stored.events) + 1,
                status=status,
                stage=stage,
                progress=progress,
                message=message,
            )
            stored.events.append(event)
            self.journal.append(event)
            stored.job.status, stored.job.stage, stored.job.progress = status, stage, progress
            stored.job.message, stored.job.sequence = message, event.sequence
            if status == job_pb2.JOB_STATUS_FAILED:
                stored.job.error_message = event.error_message = message
            self.changed.notify_all()

    def run_to_end(
        self, job_id: str, status: job_pb2.JobStatus.ValueType = job_pb2.JOB_STATUS_COMPLETED, message: str = "done"
    ) -> None:
        """Let a job happen from start to end."""
        self.happen(job_id, stage=job_pb2.JOB_STAGE_PREPARING)
        for progress in (20, 60, 90):
            self.happen(job_id, stage=job_pb2.JOB_STAGE_COMPOSING, progress=progress)
        self.happen(job_id, status, progress=100 if status == job_pb2.JOB_STATUS_COMPLETED else 90, message=message)

    def wait_for_watchers(self, number: int) -> None:
        """Wait until so many watches are open."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.watchers == number, 10)

    def _count_watcher(self, change: int) -> None:
        with self.changed:
            self.watchers += change
            self.changed.notify_all()

    def _admit(self, method: str, request: Message, context: grpc.ServicerContext) -> None:
        self.calls[method].append(request)
        metadata = context.invocation_metadata()
        self.tokens += [str(value) for key, value in metadata if key == "authorization"]
        self.traces += [str(value) for key, value in metadata if key == "traceparent"]
        if self.refusals[method]:
            context.abort_with_status(rpc_status.to_status(self.refusals[method].pop(0)))

    def _job(self, job_id: str, context: grpc.ServicerContext) -> StoredJob:
        if job_id not in self.jobs:
            status = refusal(grpc.StatusCode.NOT_FOUND, "no such job", "JOB_NOT_FOUND", metadata={"job_id": job_id})
            context.abort_with_status(rpc_status.to_status(status))
        return self.jobs[job_id]

    @override
    def StartRender(
        self, request: render_service_pb2.StartRenderRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.StartRenderResponse:
        self._admit("StartRender", request, context)
        if request.dry_run:
            cost = job_pb2.Cost(unit="runway-credits", amount="25")
            return render_service_pb2.StartRenderResponse(estimate=render_service_pb2.Estimate(cost=[cost]))
        for stored in self.jobs.values():
            if stored.job.request_id == request.request_id:
                return render_service_pb2.StartRenderResponse(job=stored.job)
        job_id = self.new_job(request_id=request.request_id, provider=request.provider or "local")
        self.jobs[job_id].job.labels.update(request.labels)
        return render_service_pb2.StartRenderResponse(job=self.jobs[job_id].job)

    @override
    def GetJob(
        self, request: render_service_pb2.GetJobRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.GetJobResponse:
        self._admit("GetJob", request, context)
        return render_service_pb2.GetJobResponse(job=self._job(request.job_id, context).job)

    @override
    def ListJobs(
        self, request: render_service_pb2.ListJobsRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.ListJobsResponse:
        """Give pages of two."""
        self._admit("ListJobs", request, context)
        jobs = [
            stored.job for stored in self.jobs.values() if not request.statuses or stored.job.status in request.statuses
        ]
        first = int(request.page_token or 0)
        token = str(first + 2) if first + 2 < len(jobs) else ""
        return render_service_pb2.ListJobsResponse(jobs=jobs[first : first + 2], next_page_token=token)

    @override
    def RenderFrame(
        self, request: render_service_pb2.RenderFrameRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.RenderFrameResponse:
        self._admit("RenderFrame", request, context)
        return render_service_pb2.RenderFrameResponse(
            image=b"picture", content_type="image/png", width=320, height=180, shot_id=request.shot_id
        )

    @override
    def ListVoices(
        self, request: render_service_pb2.ListVoicesRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.ListVoicesResponse:
        self._admit("ListVoices", request, context)
        voices = [
            render_service_pb2.Voice(
                voice_id="af_heart", languages=["en-US"], gender=render_service_pb2.VOICE_GENDER_FEMALE
            ),
            render_service_pb2.Voice(
                voice_id="zm_yunxi", languages=["zh-CN"], gender=render_service_pb2.VOICE_GENDER_MALE
            ),
        ]
        found = [voice for voice in voices if voice.languages[0].startswith(request.language)]
        return render_service_pb2.ListVoicesResponse(voices=found)

    @override
    def CancelJob(
        self, request: render_service_pb2.CancelJobRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.CancelJobResponse:
        self._admit("CancelJob", request, context)
        if not has_ended(self._job(request.job_id, context).job):
            self.happen(request.job_id, job_pb2.JOB_STATUS_CANCELLED)
        return render_service_pb2.CancelJobResponse(job=self.jobs[request.job_id].job)

    @override
    def WatchProgress(
        self, request: render_service_pb2.WatchProgressRequest, context: grpc.ServicerContext
    ) -> Iterator[render_service_pb2.WatchProgressResponse]:
        self._admit("WatchProgress", request, context)
        stored = self._job(request.job_id, context)
        sent = request.after_sequence if request.HasField("after_sequence") else len(stored.events) - 1
        if self.repeat:
            sent = max(0, sent - 2)
        self._count_watcher(+1)
        context.add_callback(lambda: self._count_watcher(-1))
        while context.is_active():
            for event in stored.events[sent:]:
                sent = event.sequence
                yield render_service_pb2.WatchProgressResponse(event=event)
                if has_ended(event):
                    return
            with self.changed:
                self.changed.wait(0.05)
            if not self.silent:
                heartbeat = render_service_pb2.WatchProgressResponse()
                heartbeat.heartbeat.GetCurrentTime()
                yield heartbeat

    @override
    def WatchWorkspace(
        self, request: render_service_pb2.WatchWorkspaceRequest, context: grpc.ServicerContext
    ) -> Iterator[render_service_pb2.WatchWorkspaceResponse]:
        self._admit("WatchWorkspace", request, context)
        sent = int(request.cursor) if request.cursor else 0 if request.from_oldest else len(self.journal)
        while context.is_active():
            heartbeat = render_service_pb2.WatchWorkspaceResponse(cursor=str(sent))
            heartbeat.heartbeat.GetCurrentTime()
            yield heartbeat
            for event in self.journal[sent:]:
                sent += 1
                yield render_service_pb2.WatchWorkspaceResponse(event=event, cursor=str(sent))
            with self.changed:
                self.changed.wait(0.05)

    @override
    def CreateDownloadUrl(
        self, request: render_service_pb2.CreateDownloadUrlRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.CreateDownloadUrlResponse:
        self._admit("CreateDownloadUrl", request, context)
        return render_service_pb2.CreateDownloadUrlResponse(url=f"https://videos.example/{request.job_id}")

    @override
    def DownloadVideo(
        self, request: render_service_pb2.DownloadVideoRequest, context: grpc.ServicerContext
    ) -> Iterator[render_service_pb2.DownloadVideoResponse]:
        self._admit("DownloadVideo", request, context)
        self._job(request.job_id, context)
        if request.offset > len(self.file):
            status = refusal(grpc.StatusCode.OUT_OF_RANGE, "beyond the end", "OFFSET_OUT_OF_RANGE")
            context.abort_with_status(rpc_status.to_status(status))
        pieces_left = self.pieces_before_break.pop(0) if self.pieces_before_break else -1
        offset, first = request.offset, True
        while first or offset < len(self.file):
            if pieces_left == 0:
                context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
            pieces_left -= 1
            piece = render_service_pb2.DownloadVideoResponse(offset=offset, data=self.file[offset : offset + PIECE])
            if first:
                piece.size_bytes, piece.sha256, piece.content_type = len(self.file), self.sha256, "video/mp4"
            first = False
            offset += len(piece.data)
            yield piece

    @override
    def DeleteJob(
        self, request: render_service_pb2.DeleteJobRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.DeleteJobResponse:
        self._admit("DeleteJob", request, context)
        self._job(request.job_id, context)
        del self.jobs[request.job_id]
        return render_service_pb2.DeleteJobResponse()

    @override
    def CreateProject(
        self, request: project_service_pb2.CreateProjectRequest, context: grpc.ServicerContext
    ) -> project_service_pb2.CreateProjectResponse:
        self._admit("CreateProject", request, context)
        project = project_pb2.Project()
        project.CopyFrom(request.project)
        project.project_id, project.etag = str(uuid.uuid4()), "1"
        self.projects[project.project_id] = project
        return project_service_pb2.CreateProjectResponse(project=project)

    @override
    def GetProject(
        self, request: project_service_pb2.GetProjectRequest, context: grpc.ServicerContext
    ) -> project_service_pb2.GetProjectResponse:
        self._admit("GetProject", request, context)
        return project_service_pb2.GetProjectResponse(project=self.projects[request.project_id])

    @override
    def UpdateProject(
        self, request: project_service_pb2.UpdateProjectRequest, context: grpc.ServicerContext
    ) -> project_service_pb2.UpdateProjectResponse:
        self._admit("UpdateProject", request, context)
        self.projects[request.project.project_id].CopyFrom(request.project)
        return project_service_pb2.UpdateProjectResponse(project=request.project)

    @override
    def ListProjects(
        self, request: project_service_pb2.ListProjectsRequest, context: grpc.ServicerContext
    ) -> project_service_pb2.ListProjectsResponse:
        """Give pages of one."""
        self._admit("ListProjects", request, context)
        first = int(request.page_token or 0)
        token = str(first + 1) if first + 1 < len(self.projects) else ""
        page = list(self.projects.values())[first : first + 1]
        return project_service_pb2.ListProjectsResponse(projects=page, next_page_token=token)

    @override
    def DeleteProject(
        self, request: project_service_pb2.DeleteProjectRequest, context: grpc.ServicerContext
    ) -> project_service_pb2.DeleteProjectResponse:
        self._admit("DeleteProject", request, context)
        del self.projects[request.project_id]
        return project_service_pb2.DeleteProjectResponse()
