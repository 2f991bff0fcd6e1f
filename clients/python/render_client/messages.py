"""Builds requests from the arguments of the synchronous and asyncio clients."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Collection, Mapping
from typing import Literal, TypeVar, cast

from render_client.durations import Seconds, seconds
from render_client.v1 import (
    brand_service_pb2,
    job_pb2,
    output_pb2,
    project_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

ImageFormatName = Literal["png", "jpeg", "webp"]
"""Name of the file format of a picture."""
ArtifactName = Literal[
    "video",
    "poster",
    "contact_sheet",
    "captions_srt",
    "captions_vtt",
    "words",
    "mix",
    "narration",
    "music",
    "effects",
    "thumbnails",
    "thumbnails_vtt",
    "chapters_vtt",
    "metadata",
    "timeline",
    "hls",
    "dash",
]
StatusName = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"]
DeliveryStateName = Literal["PENDING", "DELIVERED", "FAILED"]

_STATUSES = {name.removeprefix("JOB_STATUS_"): value for name, value in job_pb2.JobStatus.items() if value}
_DELIVERY_STATES = {
    name.removeprefix("WEBHOOK_DELIVERY_STATE_"): value
    for name, value in webhook_service_pb2.WebhookDeliveryState.items()
    if value
}
_ENDS = frozenset((job_pb2.JOB_STATUS_COMPLETED, job_pb2.JOB_STATUS_FAILED, job_pb2.JOB_STATUS_CANCELLED))
_ARTIFACTS = {name.removeprefix("ARTIFACT_").lower(): value for name, value in job_pb2.Artifact.items() if value}
Value = TypeVar("Value")
PAGE_SIZE = 100
OLDEST = "oldest"


def has_ended(state: job_pb2.Job | job_pb2.JobEvent) -> bool:
    """Return whether a job is COMPLETED, FAILED or CANCELLED."""
    return state.status in _ENDS


def is_completed(state: job_pb2.Job | job_pb2.JobEvent) -> bool:
    """Return whether a job is COMPLETED."""
    return state.status == job_pb2.JOB_STATUS_COMPLETED


def status_name(status: job_pb2.JobStatus.ValueType) -> str:
    """Return a status without its prefix, such as `COMPLETED`; an unknown value as its number."""
    found = job_pb2.JobStatus.DESCRIPTOR.values_by_number.get(status)
    return found.name.removeprefix("JOB_STATUS_") if found else str(status)


def stage_name(stage: job_pb2.JobStage.ValueType) -> str:
    """Return a stage without its prefix, such as `COMPOSING`; empty outside PROCESSING."""
    found = job_pb2.JobStage.DESCRIPTOR.values_by_number.get(stage)
    if stage == job_pb2.JOB_STAGE_UNSPECIFIED:
        return ""
    return found.name.removeprefix("JOB_STAGE_") if found else str(stage)


class Requests:
    """Builds the requests of one workspace.

    Args:
        workspace: Workspace that the requests name.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace

    def start(
        self,
        *,
        project: project_pb2.Project | None,
        project_id: str | None,
        provider: str | None,
        output: output_pb2.OutputOptions | None,
        outputs: Collection[output_pb2.NamedOutput] = (),
        request_id: str | None,
        labels: Mapping[str, str] | None,
        provider_options: render_service_pb2.ProviderOptions | None,
        priority: int,
        variables: Mapping[str, str] | None,
        webhook: render_service_pb2.JobWebhook | None = None,
        speech_provider: str | None = None,
        speech_provider_options: render_service_pb2.SpeechProviderOptions | None = None,
        speech: project_pb2.Speech | None = None,
    ) -> render_service_pb2.StartRenderRequest:
        """Build a StartRender; generates a request_id if none is given, so that it is safe to retry."""
        if (project is None) == (project_id is None):
            raise ValueError("give either a project or a project_id")
        return render_service_pb2.StartRenderRequest(
            workspace_id=self.workspace,
            project=project,
            # An empty project_id would replace the project in the oneof.
            project_id=cast("str", project_id),
            provider=provider or "",
            output=output,
            outputs=outputs,
            request_id=request_id or str(uuid.uuid4()),
            labels=labels,
            provider_options=provider_options,
            priority=priority,
            variables=variables,
            webhook=webhook,
            speech_provider=speech_provider or "",
            speech_provider_options=speech_provider_options,
            speech=speech,
        )

    def job_webhook(self, url: str | None, statuses: Collection[StatusName]) -> render_service_pb2.JobWebhook | None:
        """Build the webhook of a StartRender; None if there is no URL."""
        if url is None:
            return None
        return render_service_pb2.JobWebhook(url=url, statuses=_statuses(statuses))

    def get(self, job_id: str) -> render_service_pb2.GetJobRequest:
        """Build a GetJob."""
        return render_service_pb2.GetJobRequest(workspace_id=self.workspace, job_id=job_id)

    def list_jobs(
        self,
        statuses: Collection[StatusName],
        project_id: str | None,
        labels: Mapping[str, str] | None,
        *,
        full: bool,
    ) -> render_service_pb2.ListJobsRequest:
        """Build the ListJobs of a first page."""
        return render_service_pb2.ListJobsRequest(
            workspace_id=self.workspace,
            page_size=PAGE_SIZE,
            statuses=_statuses(statuses),
            project_id=project_id or "",
            labels=labels,
            view=job_pb2.JOB_VIEW_FULL if full else job_pb2.JOB_VIEW_BASIC,
        )

    def list_voices(self, language: str, speech_provider: str | None) -> render_service_pb2.ListVoicesRequest:
        """Build the ListVoices of a first page."""
        return render_service_pb2.ListVoicesRequest(
            workspace_id=self.workspace,
            page_size=PAGE_SIZE,
            language=language,
            speech_provider=speech_provider or "",
        )

    def frame(
        self,
        project: project_pb2.Project | None,
        project_id: str | None,
        *,
        shot_id: str,
        time: Seconds | None,
        output: output_pb2.OutputOptions | None,
        variables: Mapping[str, str] | None,
        image_format: ImageFormatName,
    ) -> render_service_pb2.RenderFrameRequest:
        """Build a RenderFrame."""
        if (project is None) == (project_id is None):
            raise ValueError("give either a project or a project_id")
        return render_service_pb2.RenderFrameRequest(
            workspace_id=self.workspace,
            project=project,
            # An empty project_id would replace the project in the oneof.
            project_id=cast("str", project_id),
            shot_id=shot_id,
            time=None if time is None else seconds(time),
            output=output,
            variables=variables,
            format=render_service_pb2.ImageFormat.Value(f"IMAGE_FORMAT_{image_format.upper()}"),
        )

    def cancel(self, job_id: str) -> render_service_pb2.CancelJobRequest:
        """Build a CancelJob."""
        return render_service_pb2.CancelJobRequest(workspace_id=self.workspace, job_id=job_id)

    def delete(self, job_id: str) -> render_service_pb2.DeleteJobRequest:
        """Build a DeleteJob."""
        return render_service_pb2.DeleteJobRequest(workspace_id=self.workspace, job_id=job_id)

    def watch(self, job_id: str, after_sequence: int | None) -> render_service_pb2.WatchProgressRequest:
        """Build a WatchProgress."""
        return render_service_pb2.WatchProgressRequest(
            workspace_id=self.workspace, job_id=job_id, after_sequence=after_sequence
        )

    def watch_workspace(
        self, start: str, labels: Mapping[str, str] | None, include_progress: bool
    ) -> render_service_pb2.WatchWorkspaceRequest:
        """Build a WatchWorkspace that starts after a cursor, at OLDEST, or, if empty, now."""
        request = render_service_pb2.WatchWorkspaceRequest(
            workspace_id=self.workspace, labels=labels, include_progress=include_progress
        )
        if start == OLDEST:
            request.from_oldest = True
        elif start:
            request.cursor = start
        return request

    def download_url(
        self, job_id: str, artifact: ArtifactName, of: str = ""
    ) -> render_service_pb2.CreateDownloadUrlRequest:
        """Build a CreateDownloadUrl of a file of the output `of`; empty is the first."""
        return render_service_pb2.CreateDownloadUrlRequest(
            workspace_id=self.workspace, job_id=job_id, artifact=_known("artifact", artifact, _ARTIFACTS), output=of
        )

    def download(
        self, job_id: str, artifact: ArtifactName, offset: int, of: str = "", stream_file: str = ""
    ) -> render_service_pb2.DownloadVideoRequest:
        """Build a DownloadVideo of a file of the output `of`, empty for the first, that starts at byte `offset`.

        `stream_file` names a file of the job's stream, instead of the artifact.
        """
        return render_service_pb2.DownloadVideoRequest(
            workspace_id=self.workspace,
            job_id=job_id,
            artifact=_known("artifact", artifact, _ARTIFACTS),
            offset=offset,
            output=of,
            stream_file=stream_file,
        )

    def create_project(self, project: project_pb2.Project) -> project_service_pb2.CreateProjectRequest:
        """Build a CreateProject."""
        return project_service_pb2.CreateProjectRequest(workspace_id=self.workspace, project=project)

    def get_project(self, project_id: str) -> project_service_pb2.GetProjectRequest:
        """Build a GetProject."""
        return project_service_pb2.GetProjectRequest(workspace_id=self.workspace, project_id=project_id)

    def update_project(self, project: project_pb2.Project) -> project_service_pb2.UpdateProjectRequest:
        """Build an UpdateProject."""
        return project_service_pb2.UpdateProjectRequest(workspace_id=self.workspace, project=project)

    def list_projects(self, *, full: bool) -> project_service_pb2.ListProjectsRequest:
        """Build the ListProjects of a first page."""
        return project_service_pb2.ListProjectsRequest(
            workspace_id=self.workspace,
            page_size=PAGE_SIZE,
            view=project_pb2.PROJECT_VIEW_FULL if full else project_pb2.PROJECT_VIEW_BASIC,
        )

    def delete_project(self, project_id: str, delete_jobs: bool) -> project_service_pb2.DeleteProjectRequest:
        """Build a DeleteProject."""
        return project_service_pb2.DeleteProjectRequest(
            workspace_id=self.workspace, project_id=project_id, delete_jobs=delete_jobs
        )

    def create_brand_kit(self, brand_kit: brand_service_pb2.BrandKit) -> brand_service_pb2.CreateBrandKitRequest:
        """Build a CreateBrandKit."""
        return brand_service_pb2.CreateBrandKitRequest(workspace_id=self.workspace, brand_kit=brand_kit)

    def get_brand_kit(self, name: str) -> brand_service_pb2.GetBrandKitRequest:
        """Build a GetBrandKit."""
        return brand_service_pb2.GetBrandKitRequest(workspace_id=self.workspace, name=name)

    def update_brand_kit(self, brand_kit: brand_service_pb2.BrandKit) -> brand_service_pb2.UpdateBrandKitRequest:
        """Build an UpdateBrandKit."""
        return brand_service_pb2.UpdateBrandKitRequest(workspace_id=self.workspace, brand_kit=brand_kit)

    def list_brand_kits(self) -> brand_service_pb2.ListBrandKitsRequest:
        """Build a ListBrandKits."""
        return brand_service_pb2.ListBrandKitsRequest(workspace_id=self.workspace)

    def delete_brand_kit(self, name: str) -> brand_service_pb2.DeleteBrandKitRequest:
        """Build a DeleteBrandKit."""
        return brand_service_pb2.DeleteBrandKitRequest(workspace_id=self.workspace, name=name)

    def upload_font(self, content: bytes, family: str, *, replace: bool) -> brand_service_pb2.UploadFontRequest:
        """Build an UploadFont."""
        return brand_service_pb2.UploadFontRequest(
            workspace_id=self.workspace, content=content, family=family, replace=replace
        )

    def get_font(self, font_id: str) -> brand_service_pb2.GetFontRequest:
        """Build a GetFont."""
        return brand_service_pb2.GetFontRequest(workspace_id=self.workspace, font_id=font_id)

    def list_fonts(self) -> brand_service_pb2.ListFontsRequest:
        """Build a ListFonts."""
        return brand_service_pb2.ListFontsRequest(workspace_id=self.workspace)

    def delete_font(self, font_id: str) -> brand_service_pb2.DeleteFontRequest:
        """Build a DeleteFont."""
        return brand_service_pb2.DeleteFontRequest(workspace_id=self.workspace, font_id=font_id)

    def create_webhook(
        self, url: str, statuses: Collection[StatusName], labels: Mapping[str, str] | None
    ) -> webhook_service_pb2.CreateWebhookRequest:
        """Build a CreateWebhook."""
        webhook = webhook_service_pb2.Webhook(url=url, statuses=_statuses(statuses), labels=labels)
        return webhook_service_pb2.CreateWebhookRequest(workspace_id=self.workspace, webhook=webhook)

    def list_webhooks(self) -> webhook_service_pb2.ListWebhooksRequest:
        """Build a ListWebhooks."""
        return webhook_service_pb2.ListWebhooksRequest(workspace_id=self.workspace)

    def delete_webhook(self, webhook_id: str) -> webhook_service_pb2.DeleteWebhookRequest:
        """Build a DeleteWebhook."""
        return webhook_service_pb2.DeleteWebhookRequest(workspace_id=self.workspace, webhook_id=webhook_id)

    def webhook_secret(self) -> webhook_service_pb2.GetWebhookSecretRequest:
        """Build a GetWebhookSecret."""
        return webhook_service_pb2.GetWebhookSecretRequest(workspace_id=self.workspace)

    def list_webhook_deliveries(
        self, webhook_id: str | None, job_id: str | None, states: Collection[DeliveryStateName]
    ) -> webhook_service_pb2.ListWebhookDeliveriesRequest:
        """Build the ListWebhookDeliveries of a first page."""
        return webhook_service_pb2.ListWebhookDeliveriesRequest(
            workspace_id=self.workspace,
            page_size=PAGE_SIZE,
            webhook_id=webhook_id or "",
            job_id=job_id or "",
            states=[_known("state", state, _DELIVERY_STATES) for state in states],
        )

    def redeliver_webhook(self, delivery_id: str) -> webhook_service_pb2.RedeliverWebhookRequest:
        """Build a RedeliverWebhook."""
        return webhook_service_pb2.RedeliverWebhookRequest(workspace_id=self.workspace, delivery_id=delivery_id)


def _statuses(names: Collection[StatusName]) -> list[job_pb2.JobStatus.ValueType]:
    if isinstance(names, str):
        raise TypeError(f"statuses: must be a list of statuses, not the text {names!r}")
    return [_known("status", name, _STATUSES) for name in names]


def _known(what: str, name: str, known: Mapping[str, Value]) -> Value:
    """Look up a name of the contract.

    Raises:
        ValueError: If there is no such name.
    """
    if name not in known:
        like = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"; did you mean {like[0]!r}?" if like else f"; use one of {', '.join(known)}"
        raise ValueError(f"{what}: {name!r} is unknown{hint}")
    return known[name]
