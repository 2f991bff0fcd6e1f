"""The calls whose requests and answers the API reference shows, in the order of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

WORKSPACE = "films"
RECEIVER = "https://films.example.com"
"""Shown in place of the receiver of webhooks that the run starts on this machine."""
REFUSAL = "a refused call"
RENDER, PROJECT, WEBHOOK = "RenderService", "ProjectService", "WebhookService"
BRAND, BATCH = "BrandService", "BatchService"
_STORYBOARD = {
    "shots": [
        {
            "id": "sea",
            "visual_description": "The sea before breakfast",
            "caption": "It begins early.",
            "duration": "2s",
        },
        {"id": "boats", "visual_description": "The boats are already out", "duration": "1s"},
    ]
}
_DRAFT = {"size": {"width": 320, "height": 180}, "quality": "QUALITY_PRESET_DRAFT"}


@dataclass(frozen=True)
class Call:
    """One call of the run.

    Attributes:
        service: Name of its service.
        method: Name of its method.
        request: Its request in JSON; a value `<name>` is replaced by what an earlier answer had for that name.
        keep: Names under which values of the answer are kept, with their paths.
        until: Path and value that the answer must have; the call is repeated until then.
        messages: Maximum number of messages to take from a stream.
        races: Fields of the answer that depend on how far the worker is.
        shown: Whether the call is the example of its RPC.
        refused: Whether the service refuses it; the answer is then its status, a `google.rpc.Status`.
        second: Whether it goes to the second server, which has speech and pre-signed URLs.
    """

    service: str
    method: str
    request: dict[str, Any]
    keep: dict[str, Sequence[str | int]] = field(default_factory=dict)
    until: tuple[Sequence[str | int], str] | None = None
    messages: int | None = None
    races: frozenset[str] = frozenset()
    shown: bool = True
    second: bool = False
    refused: bool = False

    @property
    def name(self) -> str:
        """Name of the RPC, such as `RenderService/GetJob`, or REFUSAL."""
        return REFUSAL if self.refused else f"{self.service}/{self.method}"


_JOB = {"workspace_id": WORKSPACE, "job_id": "<job>"}
_BATCH = {"workspace_id": WORKSPACE, "batch_id": "<batch>"}
_COUNTS = frozenset({"counts", "state", "endTime"})
CALLS = (
    Call(
        PROJECT,
        "CreateProject",
        {"workspace_id": WORKSPACE, "project": {"title": "A morning", "storyboard": _STORYBOARD}},
        keep={"project": ("project", "projectId")},
    ),
    Call(
        PROJECT,
        "GetProject",
        {"workspace_id": WORKSPACE, "project_id": "<project>"},
        keep={"etag": ("project", "etag")},
    ),
    Call(
        PROJECT,
        "UpdateProject",
        {
            "workspace_id": WORKSPACE,
            "project": {
                "project_id": "<project>",
                "etag": "<etag>",
                "title": "A morning by the sea",
                "storyboard": _STORYBOARD,
            },
        },
    ),
    Call(PROJECT, "ListProjects", {"workspace_id": WORKSPACE, "page_size": 10}),
    Call(
        BRAND,
        "CreateBrandKit",
        {
            "workspace_id": WORKSPACE,
            "brand_kit": {
                "name": "acme",
                "fonts": {"heading": "Anton", "body": "Poppins"},
                "colors": {"primary": "#E4572E", "text": "#FFF7E8"},
                "captions": {"preset": "CAPTION_PRESET_WORD_BOX", "highlight_color": "brand:primary"},
                "music": {"uri": "https://cdn.example.com/theme.m4a"},
            },
        },
    ),
    Call(BRAND, "GetBrandKit", {"workspace_id": WORKSPACE, "name": "acme"}, keep={"etag": ("brandKit", "etag")}),
    Call(BRAND, "ListBrandKits", {"workspace_id": WORKSPACE}),
    Call(
        BRAND,
        "UpdateBrandKit",
        {
            "workspace_id": WORKSPACE,
            "brand_kit": {"name": "acme", "etag": "<etag>", "fonts": {"heading": "Anton", "body": "Montserrat"}},
        },
    ),
    Call(BRAND, "DeleteBrandKit", {"workspace_id": WORKSPACE, "name": "acme"}),
    Call(
        BRAND,
        "UploadFont",
        {"workspace_id": WORKSPACE, "content": "<font_file>", "family": "Acme Sans"},
        keep={"font": ("font", "fontId")},
    ),
    Call(BRAND, "GetFont", {"workspace_id": WORKSPACE, "font_id": "<font>"}),
    Call(BRAND, "ListFonts", {"workspace_id": WORKSPACE}),
    Call(BRAND, "DeleteFont", {"workspace_id": WORKSPACE, "font_id": "<font>"}),
    Call(
        WEBHOOK,
        "CreateWebhook",
        {
            "workspace_id": WORKSPACE,
            "webhook": {"url": f"{RECEIVER}/render", "statuses": ["JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED"]},
        },
        keep={"webhook": ("webhook", "webhookId")},
    ),
    Call(WEBHOOK, "GetWebhookSecret", {"workspace_id": WORKSPACE}),
    Call(WEBHOOK, "ListWebhooks", {"workspace_id": WORKSPACE}),
    Call(
        RENDER,
        "StartRender",
        {
            "workspace_id": WORKSPACE,
            "project_id": "<project>",
            "output": _DRAFT,
            "request_id": "7d3f7c1a-3c0b-4f43-9a53-0f6f6a1f2b7e",
            "labels": {"episode": "12"},
        },
        keep={"job": ("job", "jobId")},
    ),
    Call(RENDER, "WatchProgress", _JOB, shown=False),
    Call(RENDER, "WatchProgress", {**_JOB, "after_sequence": 0}, races=frozenset({"progress"})),
    Call(RENDER, "GetJob", _JOB),
    Call(
        RENDER,
        "ListJobs",
        {"workspace_id": WORKSPACE, "statuses": ["JOB_STATUS_COMPLETED"], "labels": {"episode": "12"}},
    ),
    Call(RENDER, "WatchWorkspace", {"workspace_id": WORKSPACE, "from_oldest": True}, messages=2),
    Call(RENDER, "DownloadVideo", {**_JOB, "artifact": "ARTIFACT_POSTER"}),
    Call(
        RENDER,
        "RenderFrame",
        {
            "workspace_id": WORKSPACE,
            "project": {"title": "A morning", "storyboard": _STORYBOARD},
            "output": _DRAFT,
            "shot_id": "boats",
            "time": "0.5s",
            "format": "IMAGE_FORMAT_JPEG",
        },
    ),
    Call(
        BATCH,
        "StartBatch",
        {
            "workspace_id": WORKSPACE,
            "render": {
                "project": {
                    "title": "Welcome, {{name}}",
                    "storyboard": {"shots": [{"caption": "Hello, {{name}}!", "duration": "1s"}]},
                },
                "output": _DRAFT,
            },
            "rows": [
                {"key": "customer-1", "variables": {"name": "Ada"}},
                {"key": "customer-2", "variables": {"name": "Grace"}},
            ],
            "max_running": 1,
            "request_id": "c2b1f0de-5a55-4d0e-8a8e-0d6f6a1f2b7e",
        },
        keep={"batch": ("batch", "batchId")},
        races=_COUNTS,
    ),
    Call(BATCH, "WatchBatch", _BATCH, shown=False),
    Call(BATCH, "WatchBatch", _BATCH),
    Call(BATCH, "GetBatch", _BATCH),
    Call(BATCH, "ListBatches", {"workspace_id": WORKSPACE}),
    Call(BATCH, "RetryBatch", _BATCH),
    Call(BATCH, "CancelBatch", _BATCH),
    Call(RENDER, "CreateDownloadUrl", _JOB, second=True),
    Call(RENDER, "ListVoices", {"workspace_id": WORKSPACE, "language": "zh", "page_size": 2}, second=True),
    Call(
        WEBHOOK,
        "ListWebhookDeliveries",
        {"workspace_id": WORKSPACE, "job_id": "<job>"},
        keep={"delivery": ("deliveries", 0, "deliveryId")},
        until=(("deliveries", 0, "state"), "WEBHOOK_DELIVERY_STATE_DELIVERED"),
    ),
    Call(
        WEBHOOK,
        "RedeliverWebhook",
        {"workspace_id": WORKSPACE, "delivery_id": "<delivery>"},
        # A worker may begin to send before the answer is read.
        races=frozenset({"state", "attempts", "attemptTime", "nextAttemptTime", "httpStatus"}),
    ),
    Call(WEBHOOK, "DeleteWebhook", {"workspace_id": WORKSPACE, "webhook_id": "<webhook>"}),
    Call(
        RENDER,
        "StartRender",
        {
            "workspace_id": WORKSPACE,
            "project": {"storyboard": {"shots": [{"visual_description": "Too long", "duration": "600s"}]}},
        },
        keep={"long job": ("job", "jobId")},
        shown=False,
    ),
    Call(
        RENDER,
        "CancelJob",
        {"workspace_id": WORKSPACE, "job_id": "<long job>"},
        races=frozenset({"status", "stage", "message", "progress", "attempt", "startTime", "endTime", "errorMessage"}),
    ),
    Call(RENDER, "DeleteJob", _JOB),
    Call(PROJECT, "DeleteProject", {"workspace_id": WORKSPACE, "project_id": "<project>"}),
    Call(
        RENDER,
        "StartRender",
        {
            "workspace_id": WORKSPACE,
            "project": {"storyboard": {"shots": [{"visual_description": "Hello", "duration": "1s"}]}},
            "provider": "nobody",
            "priority": 500,
        },
        refused=True,
    ),
)
