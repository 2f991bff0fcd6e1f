"""A fake of fal's queue, serving Pika 2.2."""

from typing import Any

from tests.fakes.generating import FakeTask, GeneratingApi
from tests.fakes.http_server import Request, Response, answer

KEY = "fal-id:fal-secret"
_APP = "fal-ai/pika"
_SIDES = {"720p": 720, "1080p": 1080}


class FakeFal(GeneratingApi):
    """The queue."""

    async def handle(self, request: Request) -> Response:
        if request.path.startswith("/clips/"):
            return self.clip(request)
        if request.headers.get("authorization") != f"Key {KEY}":
            return answer({"detail": "Cannot access application. Authentication is required."}, 401)
        return self._serve(request)

    def _serve(self, request: Request) -> Response:
        path = request.path.removeprefix(f"/{_APP}").split("/")[1:]
        match request.method, path:
            case "POST", ["v2.2", "text-to-video" | "image-to-video" as endpoint]:
                return self._order(endpoint, request.json())
            case "GET", ["requests", task_id, "status"] if task_id in self.tasks:
                return self._status(self.tasks[task_id])
            case "GET", ["requests", task_id] if task_id in self.tasks:
                return self._result(self.tasks[task_id])
            case "PUT", ["requests", task_id, "cancel"] if task_id in self.tasks:
                return _cancel(self.tasks[task_id])
        return answer({"detail": "Not found"}, 404)

    def _order(self, endpoint: str, body: dict[str, Any]) -> Response:
        side = _SIDES[body["resolution"]]
        wide, high = (int(part) for part in body.get("aspect_ratio", "16:9").split(":"))
        size = (side * wide // min(wide, high), side * high // min(wide, high))
        task = self.create({**body, "endpoint": endpoint}, size, body["duration"])
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
