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
from render_service.providers.provider_api import ClipRequest, FaultKind, Phase, ProviderFault, TaskReport, Traits

_APP = "fal-ai/pika"
_MODERATION = ("content_policy_violation", "safety", "nsfw")


class PikaProvider:
    """Pika behind fal's queue.

    Args:
        base_url: Where the queue is.
        key: The API key.
        concurrency: How many clips are made at a time; more wait in fal's queue.
        timeout_seconds: How long one request may take.
        callback_url: Where it is asked to call back, to be followed by `/` and the order's key; None for nowhere.
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
        )
        self._callback_url = callback_url

    async def prepare(self, request: ClipRequest) -> ClipRequest:
        """Leave the picture to `submit`: inside a request that waits it would only take up memory."""
        return request

    async def submit(self, request: ClipRequest, key: UUID) -> ExternalTask:
        """Put a request into the queue."""
        path, body = queue_request(await with_reachable_picture(request))
        url = self.api.url(path)
        if self._callback_url is not None:
            url += "?" + urlencode({"fal_webhook": f"{self._callback_url}/{key}"})
        answer = self.api.json(await self.api.order(url, body))
        request_id = answer.get("request_id")
        if not isinstance(request_id, str):
            raise ProviderFault(FaultKind.LOST, "pika answered an order without an id")
        usual = self.api.url(f"/{_APP}/requests/{quote(request_id, safe='')}")
        urls = {
            name: self.api.own(str(answer.get(name) or "")) or f"{usual}{tail}"
            for name, tail in (("status_url", "/status"), ("response_url", ""), ("cancel_url", "/cancel"))
        }
        return ExternalTask(request_id, urls)

    async def poll(self, task: ExternalTask) -> TaskReport:
        """Ask for the status, and for the result once there is one."""
        answer = self.api.json(await self.api.call("GET", task.details["status_url"]))
        match answer.get("status"):
            case "IN_QUEUE":
                place = answer.get("queue_position")
                return TaskReport(Phase.QUEUED, message=f"place {place} in the queue" if isinstance(place, int) else "")
            case "IN_PROGRESS":
                return TaskReport(Phase.RUNNING)
            case "COMPLETED":
                if answer.get("error"):
                    return TaskReport(Phase.FAILED, fault=_failure(str(answer["error"]), str(answer.get("error_type"))))
                return await self._result(task)
            case other:
                raise ProviderFault(FaultKind.UNREACHABLE, f"pika tells the unknown status {str(other)[:40]}")

    async def _result(self, task: ExternalTask) -> TaskReport:
        try:
            answer = self.api.json(await self.api.call("GET", task.details["response_url"]))
        except ProviderFault as fault:
            # The result of a request that failed is its error.
            if fault.kind is FaultKind.REFUSED:
                return TaskReport(Phase.FAILED, fault=_failure(fault.message, fault.code))
            raise
        video = answer.get("video")
        url = video.get("url") if isinstance(video, dict) else None
        metadata = {name: answer[name] for name in ("seed",) if isinstance(answer.get(name), int)}
        return TaskReport(Phase.SUCCEEDED, 1.0, outputs=(url,) if isinstance(url, str) else (), metadata=metadata)

    async def cancel(self, task: ExternalTask) -> None:
        """Take a request out of the queue, or stop it."""
        try:
            await self.api.stop("PUT", task.details["cancel_url"])
        except ProviderFault as fault:
            # 400: it has already ended.
            if fault.kind not in (FaultKind.GONE, FaultKind.REFUSED):
                raise


def queue_request(request: ClipRequest) -> tuple[str, dict[str, Any]]:
    """Return path and body of the request that orders a clip."""
    order = request.order
    assert order.shape is not None
    ratio, _, resolution = order.shape.name.rpartition("/")
    body: dict[str, Any] = {
        "prompt": order.prompt,
        "resolution": resolution,
        "duration": order.duration // timedelta(seconds=1),
    }
    if order.negative_prompt:
        body["negative_prompt"] = order.negative_prompt
    if order.seed is not None:
        body["seed"] = order.seed
    base = f"/{_APP}/{order.model.name}"
    if not order.from_image:
        return f"{base}/text-to-video", {**body, "aspect_ratio": ratio}
    return f"{base}/image-to-video", {**body, "image_url": request.picture_url}


def _failure(message: str, code: str) -> TaskFault:
    if any(word in f"{message} {code}".lower() for word in _MODERATION):
        return TaskFault(ErrorReason.CONTENT_REFUSED, "pika's moderation refused it", code)
    told = " ".join(message.split())[:200]
    wrong_input = code in ("400", "422")
    return TaskFault(ErrorReason.PROVIDER_FAILED, f"pika failed: {told}", code, retryable=not wrong_input)
