"""A fake of Runway's API: text_to_video, image_to_video, tasks, uploads."""

import json
from typing import Any
from uuid import uuid4

from tests.fakes.generating import FakeTask, GeneratingApi
from tests.fakes.http_server import Request, Response, answer

KEY = "key_fake"
PRICES = {"gen4.5": 12, "gen4_turbo": 5, "veo3.1": 20, "veo3.1_fast": 10}
_CREATED = "2026-01-31T12:00:00.000Z"


class FakeRunway(GeneratingApi):
    """The API; `uploads` holds what was uploaded, by its `runway://` address."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.uploads: dict[str, bytes] = {}

    async def handle(self, request: Request) -> Response:
        if request.path.startswith("/clips/"):
            return self.clip(request)
        if request.path.startswith("/form/"):
            return self._take_file(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return answer({"error": "The provided API key is not valid."}, 401)
        if request.headers.get("x-runway-version") != "2024-11-06":
            return answer({"error": "X-Runway-Version is missing."}, 400)
        return self._serve(request)

    def _serve(self, request: Request) -> Response:
        match request.method, request.path.split("/")[2:]:
            case "POST", ["text_to_video" | "image_to_video"]:
                return self._order(request.json())
            case "POST", ["uploads"]:
                uri = f"runway://{uuid4()}"
                fields = {"key": uri}
                return answer({"runwayUri": uri, "uploadUrl": f"{self.url}/form/{uri[9:]}", "fields": fields})
            case "GET", ["tasks", task_id] if task_id in self.tasks:
                return answer(self._body(self.tasks[task_id]))
            case "DELETE", ["tasks", task_id] if task_id in self.tasks:
                self.tasks[task_id].cancelled = True
                return Response(204)
        return answer({"error": "Not found"}, 404)

    def _order(self, body: dict[str, Any]) -> Response:
        if not 1 <= len(str(body.get("promptText", "x")).encode("utf-16-le")) // 2 <= 1000:
            return answer({"error": "promptText must have 1 to 1000 characters."}, 400)
        picture = body.get("promptImage")
        if isinstance(picture, str) and picture.startswith("runway://") and picture not in self.uploads:
            return answer({"error": "promptImage was not uploaded."}, 400)
        task = self.create(body, _size(body), body["duration"])
        return answer({"id": task.id, "estimatedCost": {"credits": _cost(task)}})

    def _body(self, task: FakeTask) -> dict[str, Any]:
        body: dict[str, Any] = {"id": task.id, "createdAt": _CREATED}
        estimated = {"estimatedCost": {"credits": _cost(task)}}
        match task.phase:
            case "queued":
                return {**body, **estimated, "status": "PENDING"}
            case "throttled":
                return {**body, **estimated, "status": "THROTTLED"}
            case "running":
                return {**body, **estimated, "status": "RUNNING", "progress": task.fraction}
            case "succeeded":
                charged = {"cost": {"credits": _cost(task)}}
                return {**body, **charged, "status": "SUCCEEDED", "output": [self.clip_url(task)]}
            case "cancelled":
                return {**body, "cost": {"credits": _cost(task)}, "status": "CANCELLED"}
        failed = {"status": "FAILED", "failure": "The task failed.", "failureCode": task.plan.failure}
        return {**body, "cost": {"credits": 0}, **failed}

    def _take_file(self, request: Request) -> Response:
        assert "authorization" not in request.headers
        uri = f"runway://{request.path.removeprefix('/form/')}"
        boundary = request.headers["content-type"].partition("boundary=")[2].encode()
        part = next(part for part in request.body.split(b"--" + boundary) if b'name="file"' in part)
        self.uploads[uri] = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        return Response(204)


def _cost(task: FakeTask) -> int:
    return PRICES.get(task.body["model"], 10) * int(json.dumps(task.body["duration"]))


def _size(body: dict[str, Any]) -> tuple[int, int]:
    """Pixels where the order names them; otherwise any that have the proportions."""
    width, _, height = str(body.get("ratio", "16:9")).partition(":")
    if not (width.isdigit() and height.isdigit()):
        return 1280, 720
    scale = 1 if int(width) > 100 else 80
    return int(width) * scale, int(height) * scale
