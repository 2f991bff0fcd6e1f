"""The provider `pika`: Pika's models as fal serves them through its queue.

Facts: the schema of `fal-ai/pika/v2.2/…`, https://docs.fal.ai/model-apis/model-endpoints/queue, the official package
`fal-client` 1.0.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, TaskFault
from render_service.domain.jobs.job import ProviderName
from render_service.providers.apis.data_uri import with_reachable_picture
from render_service.providers.apis.http_client import HttpApi
from render_service.providers.provider_api import (
    ClipRequest,
    FaultKind,
    Phase,
    PictureLimits,
    ProviderFault,
    TaskReport,
    Traits,
)

_APP = "fal-ai/pika"
_PICTURES = PictureLimits(
    {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP", "image/gif": "GIF", "image/avif": "AVIF"}
)
_MODERATION = ("content_policy_violation", "safety", "nsfw")


class PikaProvider:
    """Pika behind fal's queue.

    Args:
        base_url: Base URL of the queue.
        key: The API key.
        concurrency: How many clips are in progress at a time; more would wait in fal's queue.
        timeout_seconds: How long one request may take.
        callback_url: URL for callbacks, completed by `/` and the submission's key; None for no callbacks.
    """

    name = ProviderName.PIKA

    def __init__(
        self, base_url: str, key: str, *, concurrency: int, timeout_seconds: float, callback_url: str | None = None
    ) -> None:
        self.api = HttpApi("pika", base_url, {"Authorization": f"Key {key}"}, timeout_seconds=timeout_seconds)
        self.traits = Traits(
            concurrency,
            timedelta(seconds=2),
            timedelta(seconds=5),
            usual=timedelta(seconds=60),
            calls_back=callback_url is not None,
            pictures=_PICTURES,
        )
        self._callback_url = callback_url

    async def prepare(self, request: ClipRequest) -> ClipRequest:
        """Do nothing: `submit` inlines the picture, because a waiting request with it would use memory."""
        return request

    async def submit(self, request: ClipRequest, key: UUID) -> ExternalTask:
        """Submit a clip to the queue."""
        path, body = queue_request(await with_reachable_picture(request))
        url = self.api.url(path)
        if self._callback_url is not None:
            url += "?" + urlencode({"fal_webhook": f"{self._callback_url}/{key}"})
        answer = self.api.json(await self.api.submit(url, body))
        request_id = answer.get("request_id")
        if not isinstance(request_id, str):
            raise ProviderFault(FaultKind.LOST, "pika responded to the submission without an id")
        default = self.api.url(f"/{_APP}/requests/{quote(request_id, safe='')}")
        urls = {
            name: self.api.on_base_url(str(answer.get(name) or "")) or f"{default}{tail}"
            for name, tail in (("status_url", "/status"), ("response_url", ""), ("cancel_url", "/cancel"))
        }
        return ExternalTask(request_id, urls)

    async def poll(self, task: ExternalTask) -> TaskReport:
        """Get the status, and the result once there is one."""
        answer = self.api.json(await self.api.call("GET", task.details["status_url"]))
        match answer.get("status"):
            case "IN_QUEUE":
                position = answer.get("queue_position")
                message = f"position {position} in the queue" if isinstance(position, int) else ""
                return TaskReport(Phase.QUEUED, message=message)
            case "IN_PROGRESS":
                return TaskReport(Phase.RUNNING)
            case "COMPLETED":
                if answer.get("error"):
                    return TaskReport(Phase.FAILED, fault=_failure(str(answer["error"]), str(answer.get("error_type"))))
                return await self._result(task)
            case other:
                raise ProviderFault(FaultKind.UNREACHABLE, f"pika reported the unknown status {str(other)[:40]}")

    async def _result(self, task: ExternalTask) -> TaskReport:
        try:
            answer = self.api.json(await self.api.call("GET", task.details["response_url"]))
        except ProviderFault as fault:
            # A failed request returns its error in place of the result.
            if fault.kind is FaultKind.REFUSED:
                return TaskReport(Phase.FAILED, fault=_failure(fault.message, fault.code))
            raise
        video = answer.get("video")
        url = video.get("url") if isinstance(video, dict) else None
        metadata = {name: answer[name] for name in ("seed",) if isinstance(answer.get(name), int)}
        return TaskReport(Phase.SUCCEEDED, 1.0, outputs=(url,) if isinstance(url, str) else (), metadata=metadata)

    async def cancel(self, task: ExternalTask) -> None:
        """Remove a request from the queue, or stop it."""
        try:
            await self.api.cancel("PUT", task.details["cancel_url"])
        except ProviderFault as fault:
            # 400: it has ended.
            if fault.kind not in (FaultKind.GONE, FaultKind.REFUSED):
                raise


def queue_request(request: ClipRequest) -> tuple[str, dict[str, Any]]:
    """Return path and body of the request that submits a clip."""
    spec = request.spec
    assert spec.shape is not None
    ratio, _, resolution = spec.shape.name.rpartition("/")
    body: dict[str, Any] = {
        "prompt": spec.prompt,
        "resolution": resolution,
        "duration": spec.duration // timedelta(seconds=1),
    }
    if spec.negative_prompt:
        body["negative_prompt"] = spec.negative_prompt
    if spec.seed is not None:
        body["seed"] = spec.seed
    base = f"/{_APP}/{spec.model.name}"
    if not spec.from_image:
        return f"{base}/text-to-video", {**body, "aspect_ratio": ratio}
    return f"{base}/image-to-video", {**body, "image_url": request.picture_url}


def _failure(message: str, code: str) -> TaskFault:
    if any(word in f"{message} {code}".lower() for word in _MODERATION):
        return TaskFault(ErrorReason.CONTENT_REFUSED, "pika's moderation rejected it", code)
    wrong_input = code in ("400", "422")
    return TaskFault(
        ErrorReason.PROVIDER_FAILED, f"pika failed: {' '.join(message.split())[:200]}", code, retryable=not wrong_input
    )
