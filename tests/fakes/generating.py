"""What the fakes of all three providers share: tasks that take their time, and end as scripted; clips; the bill;
callbacks."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx

from tests.fakes.clips import make_clip
from tests.fakes.http_server import FakeServer, Request, Response


class Output(Enum):
    """What lies at a clip's address."""

    CLIP = auto()
    EXPIRED_ONCE = auto()  # the first address answers 403; looking at the task again gives one that works
    HTML = auto()
    TRUNCATED_ONCE = auto()
    SHORT = auto()  # a clip much shorter than requested


@dataclass(frozen=True)
class TaskPlan:
    """How a task goes: seconds in the queue and at work, and its end. `failure` is the provider's code for it."""

    queued: float = 0.0
    running: float = 0.05
    throttled: float = 0.0
    failure: str | None = None
    cancelled: bool = False
    output: Output = Output.CLIP


@dataclass
class FakeTask:
    """A task that was created, hence billed."""

    body: dict[str, Any]
    plan: TaskPlan
    size: tuple[int, int]
    seconds: float
    key: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    created: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    polls: int = 0
    """How often its result was returned."""
    callback_url: str | None = None
    downloads: int = 0

    @property
    def age(self) -> float:
        return time.monotonic() - self.created

    @property
    def phase(self) -> str:
        """`queued`, `throttled`, `running`, `succeeded`, `failed` or `cancelled`."""
        plan, age = self.plan, self.age
        if self.cancelled:
            return "cancelled"
        if age < plan.throttled:
            return "throttled"
        if age < plan.throttled + plan.queued:
            return "queued"
        if age < plan.throttled + plan.queued + plan.running:
            return "running"
        return "cancelled" if plan.cancelled else "failed" if plan.failure is not None else "succeeded"

    @property
    def fraction(self) -> float:
        begun = self.age - self.plan.throttled - self.plan.queued
        return min(1.0, max(0.0, begun / self.plan.running if self.plan.running else 1.0))


class GeneratingApi(FakeServer):
    """A fake whose tasks make clips."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.tasks: dict[str, FakeTask] = {}
        self.plan: Callable[[dict[str, Any]], TaskPlan] = lambda body: TaskPlan()
        """How the next task goes, by the body of the order."""
        self.clip_scale = 4
        """Clips are made so many times smaller than requested, to save time; nothing depends on it."""
        self.tiny_clips = False
        """Whether all clips are the same few bytes, whatever was requested."""
        self.calls_back = True
        """Whether it calls back when a task ends and the order asked for it; otherwise callbacks get lost."""
        self.callbacks: list[tuple[str, int]] = []
        """The addresses that were called back, and what they answered; 0 for nothing."""
        self._callers: set[asyncio.Task[None]] = set()

    @property
    def bill(self) -> list[dict[str, Any]]:
        """The body of every order that was taken, in order."""
        return [task.body for task in self.tasks.values()]

    def create(
        self,
        body: dict[str, Any],
        size: tuple[int, int],
        seconds: float,
        *,
        key: str | None = None,
        callback_url: str | None = None,
    ) -> FakeTask:
        task = FakeTask(body, self.plan(body), size, seconds, key, callback_url=callback_url)
        self.tasks[task.id] = task
        if callback_url is not None and self.calls_back:
            caller = asyncio.create_task(self._call_back_at_the_end(task, callback_url))
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)
        return task

    def signed_callback(self, task: FakeTask) -> tuple[dict[str, str], bytes]:
        """Return headers and body that report the end of a task, as this provider signs them."""
        raise AssertionError(f"{type(self).__name__} calls nobody back")

    async def call_back(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send a callback; return what was answered, 0 for nothing."""
        try:
            async with httpx.AsyncClient(trust_env=False, verify=False, timeout=15) as client:
                status = (await client.post(url, headers=dict(headers), content=body)).status_code
        except httpx.HTTPError:
            status = 0
        self.callbacks.append((url, status))
        return status

    async def _call_back_at_the_end(self, task: FakeTask, url: str) -> None:
        while task.phase not in ("succeeded", "failed", "cancelled"):
            await asyncio.sleep(0.01)
        await self.call_back(url, *self.signed_callback(task))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for caller in list(self._callers):
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        await super().__aexit__(kind, error, trace)

    def clip_url(self, task: FakeTask) -> str:
        """Return the address of a clip; a new one with each poll."""
        task.polls += 1
        return f"{self.url}/clips/{task.id}/{task.polls}.mp4"

    def clip(self, request: Request) -> Response:
        """Answer a download."""
        _, _, task_id, name = request.path.split("/")
        task = self.tasks[task_id]
        task.downloads += 1
        if task.plan.output is Output.EXPIRED_ONCE and name == "1.mp4":
            return Response(403, b"<Error>AccessDenied</Error>")
        if task.plan.output is Output.HTML:
            return Response(200, b"<!doctype html><p>Not here", {"Content-Type": "text/html"})
        content = self._content(task)
        if task.plan.output is Output.TRUNCATED_ONCE and task.downloads == 1:
            return Response(200, content[: len(content) // 2], {"Content-Type": "video/mp4"}, length=len(content))
        return Response(200, content, {"Content-Type": "video/mp4"})

    def _content(self, task: FakeTask) -> bytes:
        if self.tiny_clips:
            return make_clip(128, 72, task.seconds)
        width, height = (max(128, side // self.clip_scale // 2 * 2) for side in task.size)
        return make_clip(width, height, 1.0 if task.plan.output is Output.SHORT else task.seconds)
