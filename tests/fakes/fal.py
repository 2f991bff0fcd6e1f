"""A fake of fal's queue, serving Pika 2.2."""

import hashlib
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.generating import FakeTask, GeneratingApi
from tests.fakes.http_server import Request, Response, answer

KEY = "fal-id:fal-secret"
_APP = "fal-ai/pika"
_SIDES = {"720p": 720, "1080p": 1080}


class FakeFal(GeneratingApi):
    """The queue, and the keys that its callbacks are signed with; `signer` makes them."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.signer = Ed25519PrivateKey.generate()

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/.well-known/jwks.json"

    async def handle(self, request: Request) -> Response:
        if request.path.startswith("/clips/"):
            return self.clip(request)
        if request.path == "/.well-known/jwks.json":
            return answer({"keys": [jwt.algorithms.OKPAlgorithm.to_jwk(self.signer.public_key(), as_dict=True)]})
        if request.headers.get("authorization") != f"Key {KEY}":
            return answer({"detail": "Cannot access application. Authentication is required."}, 401)
        return self._serve(request)

    def _serve(self, request: Request) -> Response:
        path = request.path.removeprefix(f"/{_APP}").split("/")[1:]
        match request.method, path:
            case "POST", ["v2.2", "text-to-video" | "image-to-video" as endpoint]:
                return self._order(endpoint, request)
            case "GET", ["requests", task_id, "status"] if task_id in self.tasks:
                return self._status(self.tasks[task_id])
            case "GET", ["requests", task_id] if task_id in self.tasks:
                return self._result(self.tasks[task_id])
            case "PUT", ["requests", task_id, "cancel"] if task_id in self.tasks:
                return _cancel(self.tasks[task_id])
        return answer({"detail": "Not found"}, 404)

    def sign(self, request_id: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
        """Headers that sign a callback."""
        timestamp = str(int(time.time() if at is None else at))
        signed = "\n".join((request_id, "user-1", timestamp, hashlib.sha256(body).hexdigest()))
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": "user-1",
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": self.signer.sign(signed.encode()).hex(),
        }

    def signed_callback(self, task: FakeTask) -> tuple[dict[str, str], bytes]:
        succeeded = task.phase == "succeeded"
        payload: dict[str, object] = (
            {"video": {"url": f"{self.url}/clips/{task.id}/0.mp4"}} if succeeded else {"detail": []}
        )
        content = {
            "request_id": task.id,
            "gateway_request_id": task.id,
            "status": "OK" if succeeded else "ERROR",
            "error": None if succeeded else "Generation failed",
            "payload": payload,
        }
        body = json.dumps(content).encode()
        return {**self.sign(task.id, body), "Content-Type": "application/json"}, body

    def _order(self, endpoint: str, request: Request) -> Response:
        body = request.json()
        side = _SIDES[body["resolution"]]
        wide, high = (int(part) for part in body.get("aspect_ratio", "16:9").split(":"))
        size = (side * wide // min(wide, high), side * high // min(wide, high))
        callback_url = next(iter(request.query.get("fal_webhook", ())), None)
        task = self.create({**body, "endpoint": endpoint}, size, body["duration"], callback_url=callback_url)
        return answer({**self._urls(task), "queue_position": 0, "status": "IN_QUEUE"})

    def _urls(self, task: FakeTask) -> dict[str, str]:
        base = f"{self.url}/{_APP}/requests/{task.id}"
        return {
            "request_id": task.id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
        }

    def _status(self, task: FakeTask) -> Response:
        urls = self._urls(task)
        match task.phase:
            case "queued" | "throttled":
                return answer({**urls, "status": "IN_QUEUE", "queue_position": 3}, 202)
            case "running":
                return answer({**urls, "status": "IN_PROGRESS", "logs": None}, 202)
        failed = {}
        if task.phase == "cancelled":
            failed = {"error": "Request was cancelled", "error_type": "request_cancelled"}
        elif task.phase == "failed":
            failed = {"error": "Generation failed", "error_type": str(task.plan.failure)}
        return answer({**urls, "status": "COMPLETED", "logs": None, "metrics": {"inference_time": 3.1}, **failed})

    def _result(self, task: FakeTask) -> Response:
        if task.phase == "succeeded":
            video = {"url": self.clip_url(task), "content_type": "video/mp4"}
            return answer({"video": video, "seed": task.body.get("seed", 7)})
        if task.phase == "failed":
            fault = {"loc": ["body"], "msg": "Generation failed", "type": task.plan.failure}
            return answer({"detail": [fault]}, 422)
        return answer({"detail": "Request is still in progress"}, 400)


def _cancel(task: FakeTask) -> Response:
    if task.phase in ("succeeded", "failed"):
        return answer({"status": "ALREADY_COMPLETED"}, 400)
    task.cancelled = True
    return answer({"status": "CANCELLATION_REQUESTED"}, 202)
