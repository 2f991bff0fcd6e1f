"""A fake of a backend that speaks the published contract of the provider `custom`."""

import base64
import hmac
import json
import time
from decimal import Decimal
from typing import Any
from uuid import uuid4

from tests.fakes.generating import FakeTask, GeneratingApi
from tests.fakes.http_server import Request, Response, answer

KEY = "custom-key"
SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes for signatures!").decode()
PRICE = Decimal("0.02")
_WORDS = {"queued": "queued", "throttled": "queued", "running": "running", "succeeded": "succeeded", "failed": "failed"}


class FakeCustom(GeneratingApi):
    """The backend; `submissions` counts the submissions of each idempotency key."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.submissions: dict[str, int] = {}
        self._by_key: dict[str, FakeTask] = {}

    async def handle(self, request: Request) -> Response:
        if request.path.startswith("/clips/"):
            return self.clip(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return answer({"error": {"code": "unauthorized", "message": "wrong key"}}, 401)
        match request.method, request.path.split("/")[1:]:
            case "POST", ["videos"]:
                return self._order(request)
            case "GET", ["videos", task_id] if task_id in self.tasks:
                return answer(self._body(self.tasks[task_id]))
            case "POST", ["videos", task_id, "cancel"] if task_id in self.tasks:
                self.tasks[task_id].cancelled = True
                return answer(self._body(self.tasks[task_id]))
        return answer({"error": {"code": "not_found", "message": "no such task"}}, 404)

    def _order(self, request: Request) -> Response:
        key = request.headers["idempotency-key"]
        self.submissions[key] = self.submissions.get(key, 0) + 1
        task = self._by_key.get(key)
        if task is None:
            body = request.json()
            size = (body["width"], body["height"])
            seconds = body["duration_seconds"]
            task = self.create(body, size, seconds, key=key, callback_url=body.get("callback_url"))
            self._by_key[key] = task
        elif task.body != request.json():
            return answer({"error": {"code": "key_reused", "message": "the key has another body"}}, 409)
        return answer(self._body(task), 201)

    def signed_callback(self, task: FakeTask) -> tuple[dict[str, str], bytes]:
        body = json.dumps({"type": "video.ended", "data": {"id": task.id, "status": task.phase}}).encode()
        return sign(body), body

    def _body(self, task: FakeTask) -> dict[str, Any]:
        body: dict[str, Any] = {"id": task.id, "status": _WORDS.get(task.phase, "canceled"), "progress": task.fraction}
        if task.phase == "succeeded":
            amount = str(PRICE * Decimal(str(task.seconds)))
            body |= {"output": [{"url": self.clip_url(task)}], "cost": {"amount": amount, "currency": "USD"}}
        if task.phase == "failed":
            code = str(task.plan.failure)
            body["error"] = {"code": code, "message": "it did not work", "retryable": code.startswith("internal")}
        return body


def sign(body: bytes, *, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """Headers that sign a callback as Standard Webhooks have it."""
    message_id, timestamp = f"msg_{uuid4().hex}", str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
