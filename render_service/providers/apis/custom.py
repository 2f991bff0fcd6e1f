"""The provider `custom`: a backend that implements our published HTTP contract, or one that can be mapped to it."""

import math
from collections.abc import Mapping
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote
from uuid import UUID

from render_service.domain.errors import ErrorReason
from render_service.domain.generation.provider_task import ExternalTask, TaskFault
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName
from render_service.providers.apis.custom_contract import REQUEST_FIELDS, CustomContract, dig, put
from render_service.providers.apis.data_uri import with_reachable_picture
from render_service.providers.apis.http_client import HttpApi, retry_after
from render_service.providers.provider_api import ClipRequest, FaultKind, Phase, ProviderFault, TaskReport, Traits
from render_service.telemetry.tracing.spans import current_span


class CustomProvider:
    """A backend of the operator.

    Args:
        base_url: Base URL of the backend.
        key: Its key; None if it requires none.
        contract: Paths, field names and words of its interface.
        concurrency: How many clips it makes at a time.
        timeout_seconds: How long one request may take.
        callback_url: URL for callbacks, completed by `/` and the submission's key; None for no callbacks.
    """

    name = ProviderName.CUSTOM

    def __init__(
        self,
        base_url: str,
        key: str | None,
        contract: CustomContract,
        *,
        concurrency: int,
        timeout_seconds: float,
        callback_url: str | None = None,
    ) -> None:
        headers = {contract.auth_header: contract.auth_value.replace("{key}", key)} if key else {}
        self.api = HttpApi("custom", base_url, headers, timeout_seconds=timeout_seconds)
        self._contract = contract
        self._phases = {
            word.lower(): phase
            for phase, words in (
                (Phase.QUEUED, contract.words.queued),
                (Phase.RUNNING, contract.words.running),
                (Phase.SUCCEEDED, contract.words.succeeded),
                (Phase.FAILED, (*contract.words.failed, *contract.words.canceled)),
            )
            for word in words
        }
        self.traits = Traits(
            concurrency,
            timedelta(seconds=1),
            timedelta(seconds=5),
            repeats_by_key=bool(contract.idempotency_header),
            calls_back=callback_url is not None and bool(contract.place("callback_url")),
        )
        self._callback_url = callback_url

    async def prepare(self, request: ClipRequest) -> ClipRequest:
        """Do nothing: `submit` inlines the picture, because a waiting request with it would use memory."""
        return request

    async def submit(self, request: ClipRequest, key: UUID) -> ExternalTask:
        """Submit a clip."""
        contract = self._contract
        headers = {contract.idempotency_header: str(key)} if contract.idempotency_header else {}
        if (current := current_span()) is not None:
            # Only here: the other providers are third parties.
            headers["traceparent"] = current.header
        callback_url = f"{self._callback_url}/{key}" if self._callback_url is not None else None
        body = submit_body(contract, await with_reachable_picture(request), callback_url)
        answer = self.api.json(await self.api.submit(self.api.url(contract.submit_path), body, headers))
        task_id = dig(answer, contract.id)
        if not isinstance(task_id, str | int) or isinstance(task_id, bool) or task_id == "":
            raise ProviderFault(FaultKind.LOST, "custom responded to the submission without an id")
        return ExternalTask(str(task_id))

    async def poll(self, task: ExternalTask) -> TaskReport:
        """Poll a task."""
        contract = self._contract
        response = await self.api.call("GET", self._url(contract.status_path, task))
        answer = self.api.json(response)
        word = dig(answer, contract.status)
        phase = self._phases.get(str(word).lower())
        if phase is None:
            raise ProviderFault(FaultKind.UNREACHABLE, f"custom reported the unknown status {str(word)[:40]}")
        url = dig(answer, contract.output_url)
        return TaskReport(
            phase,
            self._fraction(answer),
            outputs=(url,) if isinstance(url, str) and phase is Phase.SUCCEEDED else (),
            fault=self._failure(answer, str(word)) if phase is Phase.FAILED else None,
            cost=self._cost(answer),
            retry_after=retry_after(response),
        )

    async def cancel(self, task: ExternalTask) -> None:
        """Cancel a task."""
        try:
            await self.api.cancel(self._contract.cancel_method, self._url(self._contract.cancel_path, task))
        except ProviderFault as fault:
            if fault.kind not in (FaultKind.GONE, FaultKind.REFUSED):
                raise

    def _url(self, path: str, task: ExternalTask) -> str:
        return self.api.url(path.replace("{id}", quote(task.id, safe="")))

    def _fraction(self, answer: Mapping[str, Any]) -> float | None:
        value = dig(answer, self._contract.progress)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return None
        return min(1.0, max(0.0, value / self._contract.progress_scale))

    def _failure(self, answer: Mapping[str, Any], word: str) -> TaskFault:
        contract = self._contract
        code = str(dig(answer, contract.error_code) or "")
        message = " ".join(str(dig(answer, contract.error_message) or "").split())[:200]
        if word.lower() in (one.lower() for one in contract.words.canceled):
            return TaskFault(ErrorReason.PROVIDER_FAILED, "the task was cancelled at custom", code or word)
        if code and code.lower().startswith(tuple(one.lower() for one in contract.moderation_codes)):
            return TaskFault(ErrorReason.CONTENT_REFUSED, "custom's moderation rejected it", code)
        retryable = dig(answer, contract.error_retryable) is True
        return TaskFault(
            ErrorReason.PROVIDER_FAILED, f"custom failed{f': {message}' if message else ''}", code, retryable
        )

    def _cost(self, answer: Mapping[str, Any]) -> Cost | None:
        amount, unit = dig(answer, self._contract.cost_amount), dig(answer, self._contract.cost_unit)
        if amount is None or isinstance(amount, bool) or not isinstance(unit, str) or not unit:
            return None
        try:
            charged = Decimal(str(amount))
        except InvalidOperation:
            return None
        return Cost(unit[:20], charged) if charged.is_finite() and 0 <= charged < 10**9 else None


def submit_body(contract: CustomContract, request: ClipRequest, callback_url: str | None = None) -> dict[str, Any]:
    """Return the body that submits a clip; empty fields are omitted."""
    spec = request.spec
    values: dict[str, Any] = {
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "image_url": request.picture_url,
        "duration_seconds": spec.duration / timedelta(seconds=1),
        "width": spec.width,
        "height": spec.height,
        "fps": spec.fps,
        "seed": spec.seed,
        "model": spec.model.name,
        "callback_url": callback_url,
        "metadata": dict(request.metadata),
        "options": dict(request.options),
    }
    body: dict[str, Any] = {}
    for place, value in contract.constants.items():
        put(body, place, deepcopy(value))
    for name in REQUEST_FIELDS:
        place, value = contract.place(name), values[name]
        if place and value is not None and value not in ("", {}):
            put(body, place, value)
    return body
