"""The provider `runway`: Runway's API, one task per clip.

Facts: https://docs.dev.runwayml.com and the types of the official package `runwayml` 5.24.
"""

import asyncio
import math
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, TaskFault
from render_service.domain.generation.runway_models import RUNWAY_CREDITS, shape_fields
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName
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

VERSION = "2024-11-06"
# Runway sheds load or limits the rate with these. 504 comes from its gateway, which does not know the outcome, and
# counts as lost.
_BUSY = frozenset({429, 502, 503})
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
# "API Input Parameters", docs.dev.runwayml.com/assets/inputs.
_PICTURES = PictureLimits(
    {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP"},
    sent_bytes=200_000_000,
    fetched_bytes=16_000_000,
)
_MAX_URL = 2048


class RunwayProvider:
    """Runway's API.

    Args:
        base_url: Base URL of the API.
        key: The API key.
        concurrency: How many clips are in progress at a time; more would be THROTTLED.
        timeout_seconds: How long one request may take.
    """

    name = ProviderName.RUNWAY

    def __init__(self, base_url: str, key: str, *, concurrency: int, timeout_seconds: float) -> None:
        headers = {"Authorization": f"Bearer {key}", "X-Runway-Version": VERSION}
        self.api = HttpApi("runway", base_url, headers, timeout_seconds=timeout_seconds, busy=_BUSY)
        # Runway recommends at most one poll per five seconds.
        self.traits = Traits(
            concurrency, timedelta(seconds=5), timedelta(seconds=5), usual=timedelta(seconds=90), pictures=_PICTURES
        )

    async def prepare(self, request: ClipRequest) -> ClipRequest:
        """Upload a picture that Runway cannot fetch."""
        picture = request.picture
        if picture is None or not request.spec.from_image:
            return request
        if _PICTURES.is_fetched(picture) and len(picture.uri) <= _MAX_URL:
            return _with_picture(request, picture.uri)
        content = await asyncio.to_thread(picture.path.read_bytes)
        name = f"picture.{_EXTENSIONS.get(picture.media_type, 'bin')}"
        started = self.api.json(
            await self.api.call("POST", self.api.url("/v1/uploads"), body={"filename": name, "type": "ephemeral"})
        )
        try:
            url, uri, fields = started["uploadUrl"], started["runwayUri"], dict(started["fields"])
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderFault(FaultKind.UNREACHABLE, "runway sent an invalid response to an upload") from error
        await self.api.upload(url, fields, name, content, picture.media_type)
        return _with_picture(request, uri)

    async def submit(self, request: ClipRequest, key: UUID) -> ExternalTask:
        """Create a task."""
        path, body = task_request(request)
        answer = self.api.json(await self.api.submit(self.api.url(path), body))
        if not isinstance(answer.get("id"), str):
            raise ProviderFault(FaultKind.LOST, "runway responded to the submission without an id")
        return ExternalTask(answer["id"])

    async def poll(self, task: ExternalTask) -> TaskReport:
        """Retrieve a task."""
        answer = self.api.json(await self.api.call("GET", self.api.url(f"/v1/tasks/{task.id}")))
        cost = _cost(answer)
        match answer.get("status"):
            case "PENDING":
                return TaskReport(Phase.QUEUED)
            case "THROTTLED":
                return TaskReport(Phase.QUEUED, message="throttled by runway")
            case "RUNNING":
                return TaskReport(Phase.RUNNING, _fraction(answer.get("progress")))
            case "SUCCEEDED":
                outputs = tuple(url for url in answer.get("output") or () if isinstance(url, str))
                return TaskReport(Phase.SUCCEEDED, 1.0, outputs=outputs, cost=cost)
            case "FAILED":
                fault = failure(str(answer.get("failureCode") or ""), str(answer.get("failure") or ""))
                return TaskReport(Phase.FAILED, fault=fault, cost=cost)
            case "CANCELLED":
                fault = TaskFault(ErrorReason.PROVIDER_FAILED, "the task was cancelled at runway", "CANCELLED")
                return TaskReport(Phase.FAILED, fault=fault, cost=cost)
            case other:
                raise ProviderFault(FaultKind.UNREACHABLE, f"runway reported the unknown status {str(other)[:40]}")

    async def cancel(self, task: ExternalTask) -> None:
        """Delete a running task. (Deleting a succeeded one would delete its result.)"""
        try:
            await self.api.cancel("DELETE", self.api.url(f"/v1/tasks/{task.id}"))
        except ProviderFault as fault:
            if fault.kind is not FaultKind.GONE:
                raise


def task_request(request: ClipRequest) -> tuple[str, dict[str, Any]]:
    """Return path and body of the request that creates a task."""
    spec = request.spec
    assert spec.shape is not None
    body: dict[str, Any] = {
        "model": spec.model.name,
        **shape_fields(spec.shape),
        "duration": spec.duration // timedelta(seconds=1),
    }
    if spec.prompt:
        body["promptText"] = spec.prompt
    if spec.seed is not None:
        body["seed"] = spec.seed
    if spec.negative_prompt:
        body["negativePrompt"] = spec.negative_prompt
    if spec.model.sound_switch:
        body["audio"] = False
    if not spec.from_image:
        return "/v1/text_to_video", body
    body["promptImage"] = request.picture_url
    return "/v1/image_to_video", body


def failure(code: str, message: str) -> TaskFault:
    """Return what a failed task's `failureCode` means.

    Source: https://docs.dev.runwayml.com/errors/task-failures/ . Failures with a safety code must not be retried.
    """
    if "SAFETY" in code:
        return TaskFault(ErrorReason.CONTENT_REFUSED, "runway's moderation rejected it", code)
    if code.startswith("ASSET."):
        return TaskFault(ErrorReason.ASSET_INVALID, "runway cannot use the picture", code)
    retryable = not code or "INTERNAL" in code or code.endswith("UNAVAILABLE")
    text = " ".join(message.split())[:200]
    return TaskFault(ErrorReason.PROVIDER_FAILED, f"runway failed{f': {text}' if text else ''}", code, retryable)


def _with_picture(request: ClipRequest, url: str) -> ClipRequest:
    return ClipRequest(request.spec, request.picture, url, request.options, request.metadata)


def _fraction(value: object) -> float | None:
    if isinstance(value, int | float) and math.isfinite(value):
        return min(1.0, max(0.0, float(value)))
    return None


def _cost(answer: dict[str, Any]) -> Cost | None:
    cost = answer.get("cost")
    charged = cost.get("credits") if isinstance(cost, dict) else None
    if not isinstance(charged, int | float) or not math.isfinite(charged):
        return None
    return Cost(RUNWAY_CREDITS, Decimal(str(charged)))
