"""A backend that speaks the HTTP contract of the provider `custom`: `python -m examples.custom_provider.backend`.

Standard library only, apart from `make_clip`, which replaces the model.
"""

import argparse
import asyncio
import base64
import hmac
import json
import logging
import tempfile
import threading
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from render_service.compositor.compositor import Compositor
from render_service.compositor.media.assets import Media
from render_service.domain.generation.provider_models import LONGEST_CUSTOM_CLIP
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot

_log = logging.getLogger(__name__)
_CALL_SECONDS = 10.0


@dataclass
class Task:
    """One submission: `status` and `progress` as in the contract, `error` once it has failed."""

    submission: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "queued"
    progress: float = 0.0
    error: str = ""


class Backend:
    """Keeps tasks, and works on one at a time.

    Args:
        folder: Folder of finished clips, `{id}.mp4`.
        webhook_secret: `whsec_` and Base64, signs callbacks; None sends none.
    """

    def __init__(self, folder: Path, webhook_secret: str | None = None) -> None:
        self.folder = folder
        self._webhook_secret = webhook_secret
        self._tasks: dict[str, Task] = {}
        self._by_key: dict[str, Task] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._compositor = Compositor(processes=1)
        self._turn = asyncio.Semaphore(1)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._compositor.start(), self._loop).result()

    def close(self) -> None:
        """Stop everything."""
        asyncio.run_coroutine_threadsafe(self._compositor.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def submit(self, key: str, submission: dict[str, Any]) -> Task:
        """Accept a submission; the same key returns the same task."""
        with self._lock:
            known = self._by_key.get(key)
            if known is not None:
                return known
            task = self._by_key[key] = Task(submission)
            self._tasks[task.id] = task
        self._loop.call_soon_threadsafe(self._begin, task)
        return task

    def find(self, task_id: str) -> Task | None:
        """Return a task."""
        return self._tasks.get(task_id)

    def cancel(self, task: Task) -> None:
        """Stop a task that has not ended."""
        if task.status in ("queued", "running"):
            task.status = "canceled"
            self._loop.call_soon_threadsafe(self._stop, task)

    def _begin(self, task: Task) -> None:
        self._running[task.id] = self._loop.create_task(self._work(task))

    def _stop(self, task: Task) -> None:
        self._running[task.id].cancel()

    async def _work(self, task: Task) -> None:
        async with self._turn:
            task.status = "running"
            try:
                await make_clip(self._compositor, task, self.folder / f"{task.id}.mp4")
            except Exception as error:  # noqa: BLE001 - whatever it is, the task has failed
                task.status, task.error = "failed", str(error)
            else:
                task.status = "succeeded"
        url = task.submission.get("callback_url")
        if url and self._webhook_secret:
            await asyncio.to_thread(call_back, url, task, self._webhook_secret)


def call_back(url: str, task: Task, secret: str) -> None:
    """Notify the service that a task has ended, signed as in Standard Webhooks. Once suffices: the service also polls.

    Args:
        url: The submission's `callback_url`.
        task: The task. The service uses the callback only as a hint and polls, so the body is short.
        secret: `whsec_` and Base64.
    """
    body = json.dumps({"id": task.id, "status": task.status}).encode()
    message_id, timestamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")).decode()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - submitters are trusted
    try:
        with urllib.request.urlopen(request, timeout=_CALL_SECONDS):  # noqa: S310
            pass
    except OSError as error:
        _log.warning("callback failed: %s", error)


async def make_clip(compositor: Compositor, task: Task, path: Path) -> None:
    """Make the clip of a submission. Replace this with your model.

    Args:
        compositor: Makes a card that shows the prompt.
        task: The task; polls return its `progress`.
        path: Where the clip goes.
    """
    submission = task.submission
    shot = Shot(
        "clip",
        visual_description=submission.get("prompt", ""),
        caption="",
        duration=timedelta(seconds=submission["duration_seconds"]),
    )
    spec = RenderSpec(
        Project(shots=(shot,)),
        OutputSpec(submission["width"], submission["height"], submission["fps"], Quality.STANDARD),
    )

    async def report(fraction: float) -> None:
        task.progress = fraction

    with tempfile.TemporaryDirectory() as folder:
        video = await compositor.compose(spec, Media(), workdir=Path(folder), segments=None, on_progress=report)
        await asyncio.to_thread(path.write_bytes, await asyncio.to_thread(video.path.read_bytes))


def submission_fault(submission: object) -> str | None:
    """Return what is wrong with a submission, or None."""
    if not isinstance(submission, dict):
        return "the body must be a JSON object"
    seconds = submission.get("duration_seconds")
    if not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_CUSTOM_CLIP:
        return f"duration_seconds must be more than 0, at most {LONGEST_CUSTOM_CLIP}"
    for name in ("width", "height", "fps"):
        if not isinstance(submission.get(name), int):
            return f"{name} must be a whole number"
    return None if isinstance(submission.get("prompt", ""), str) else "prompt must be text"


class Handler(BaseHTTPRequestHandler):
    """The HTTP side of a backend."""

    protocol_version = "HTTP/1.1"
    backend: Backend
    key: str | None = None

    def do_POST(self) -> None:
        """Accept a submission, or cancel a task."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self._is_allowed():
            return
        match self.path.split("/")[1:]:
            case ["videos"]:
                self._submit(body)
            case ["videos", task_id, "cancel"] if task := self.backend.find(task_id):
                self.backend.cancel(task)
                self._answer(HTTPStatus.OK, self._state(task))
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "not_found", "there is no such task")

    def do_GET(self) -> None:
        """Return a task, or serve a clip."""
        match self.path.split("/")[1:]:
            case ["clips", name] if name.endswith(".mp4") and self.backend.find(name.removesuffix(".mp4")):
                self._send(HTTPStatus.OK, "video/mp4", (self.backend.folder / name).read_bytes())
            case ["videos", task_id] if self._is_allowed():
                task = self.backend.find(task_id)
                if task is None:
                    self._refuse(HTTPStatus.NOT_FOUND, "not_found", "there is no such task")
                else:
                    self._answer(HTTPStatus.OK, self._state(task))
            case ["videos", _]:
                return  # refused by _is_allowed
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "not_found", "there is nothing here")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Log nothing."""

    def _submit(self, body: bytes) -> None:
        key = self.headers.get("Idempotency-Key")
        try:
            submission = json.loads(body)
        except ValueError:
            submission = None
        fault = submission_fault(submission) if key else "the header Idempotency-Key is missing"
        if fault or not key:
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_submission", fault or "")
        else:
            self._answer(HTTPStatus.CREATED, self._state(self.backend.submit(key, submission)))

    def _state(self, task: Task) -> dict[str, Any]:
        state: dict[str, Any] = {"id": task.id, "status": task.status, "progress": round(task.progress, 3)}
        if task.status == "succeeded":
            state["output"] = [{"url": f"http://{self.headers['Host']}/clips/{task.id}.mp4"}]
            state["cost"] = {"amount": "0", "currency": "USD"}
        if task.status == "failed":
            state["error"] = {"code": "internal", "message": task.error, "retryable": True}
        return state

    def _is_allowed(self) -> bool:
        if self.key is None or self.headers.get("Authorization") == f"Bearer {self.key}":
            return True
        self._refuse(HTTPStatus.UNAUTHORIZED, "unauthorized", "the key is wrong")
        return False

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        self._answer(status, {"error": {"code": code, "message": message}})

    def _answer(self, status: HTTPStatus, value: object) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(backend: Backend, port: int, key: str | None = None) -> ThreadingHTTPServer:
    """Return a server on loopback for a backend; port 0 picks a free one."""
    handler = type("BoundHandler", (Handler,), {"backend": backend, "key": key})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--key", help="bearer token that callers must send; by default anyone may call")
    parser.add_argument("--webhook-secret", help="secret that signs callbacks, whsec_…; by default none are sent")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        backend = Backend(Path(folder), arguments.webhook_secret)
        server = serve(backend, arguments.port, arguments.key)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            backend.close()


if __name__ == "__main__":
    main()
