"""The worker that draws frames: it fetches the files of a project once, and answers whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.inspection import Inspection, InspectionChoices
from render_service.compositor.media.assets import Media
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FrameFacts, FramePosition, FrameRequest, ImageFormat
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.engine.previews import files, worker
from render_service.engine.previews.worker import FrameWorker
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.policy import FetchPolicy
from render_service.queue.frame_queue import DrawnFrame, FrameQueue, ReceivedRequest, UnreadableRequest
from render_service.storage.store import ObjectStore

OUTPUT = OutputSpec(320, 180, 30, Quality.DRAFT)


class Drawing:
    """A compositor that draws the number of its call, and counts what it inspects."""

    def __init__(self) -> None:
        self.inspected: list[Media] = []
        self.drawn = 0
        self.fault: Exception | None = None
        self.hangs_for = ""
        self.hanging = 0

    async def inspect(self, media: Media, _choices: InspectionChoices) -> Inspection:
        self.inspected.append(media)
        return Inspection(media, {}, {}, ())

    async def draw_frame(self, wanted: FrameRequest, inspected: Inspection, workdir: Path, path: Path) -> FrameFacts:
        for asset in inspected.media.assets():
            assert asset.path.read_bytes() == b"picture"
        if self.fault is not None:
            raise self.fault
        if self.hangs_for == wanted.workspace_id:
            self.hanging += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.hanging -= 1
        self.drawn += 1
        path.write_bytes(str(self.drawn).encode())
        return FrameFacts(self.drawn, wanted.position.shot_id, 150)


class Asking:
    """A queue whose requests the test makes, and whose answers it awaits."""

    def __init__(self) -> None:
        self._requests: asyncio.Queue[ReceivedRequest | UnreadableRequest] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[DrawnFrame | RenderFailure]] = {}
        self.refused: list[UnreadableRequest] = []

    async def refuse(self, request: UnreadableRequest) -> None:
        self.refused.append(request)

    async def is_wanted(self, reply_to: str) -> bool:
        return not self._answers[reply_to].cancelled()

    async def ask(self, wanted: FrameRequest) -> DrawnFrame | RenderFailure:
        name = str(len(self._answers))
        self._answers[name] = asyncio.get_running_loop().create_future()
        self._requests.put_nowait(ReceivedRequest(wanted, name))
        return await self._answers[name]

    def send(self, request: UnreadableRequest) -> None:
        self._requests.put_nowait(request)

    async def receive(self, _timeout: float) -> ReceivedRequest:
        request = await self._requests.get()
        if isinstance(request, UnreadableRequest):
            raise request
        return request

    async def answer(self, reply_to: str, result: DrawnFrame | RenderFailure) -> None:
        self._answers[reply_to].set_result(result)


@pytest.fixture
async def running(tmp_path: Path) -> "AsyncIterator[Any]":
    """A worker that runs, what it draws with, and what it is asked by."""
    source = tmp_path / "files"
    source.mkdir()
    (source / "a.png").write_bytes(b"picture")
    drawing, queue, scratch = Drawing(), Asking(), tmp_path / "scratch"
    scratch.mkdir()
    fetcher = Fetcher(FetchPolicy(file_roots=(source,)))
    # No frame here has an uploaded font.
    store = cast("ObjectStore", None)
    drawer = FrameWorker(cast("FrameQueue", queue), cast("Compositor", drawing), fetcher, store, scratch, at_once=2)
    task = asyncio.create_task(drawer.run())
    yield SimpleNamespace(drawing=drawing, queue=queue, scratch=scratch, source=source)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert list(scratch.iterdir()) == []


def wanted(
    source: Path, *, caption: str = "", workspace: str = "films", name: str = "a.png", sound: bool = True
) -> FrameRequest:
    shot = Shot("sea", caption=caption, image_uri=(source / name).as_uri(), clip_sound=sound)
    spec = RenderSpec(Project(shots=(shot,)), OUTPUT)
    return FrameRequest(workspace, spec, FramePosition(ImageFormat.PNG, "sea"))


async def test_the_files_of_a_project_are_fetched_once_for_all_its_frames(running: Any) -> None:
    asked = [running.queue.ask(wanted(running.source, caption=text)) for text in ("one", "two", "three")]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.image for answer in answers) == [b"1", b"2", b"3"]
    assert len(running.drawing.inspected) == 1
    # Of another workspace nothing is known: it may not be allowed to read the same address.
    await running.queue.ask(wanted(running.source, workspace="other"))
    assert len(running.drawing.inspected) == 2


async def test_files_are_inspected_again_where_another_use_is_made_of_them(running: Any) -> None:
    await running.queue.ask(wanted(running.source))
    await running.queue.ask(wanted(running.source, sound=False))
    assert len(running.drawing.inspected) == 2


async def test_a_workspace_keeps_the_files_of_two_projects(running: Any) -> None:
    for name in ("b.png", "c.png", "d.png"):
        (running.source / name).write_bytes(b"picture")
        await running.queue.ask(wanted(running.source, name=name))
    assert len(list(running.scratch.iterdir())) == 2


async def test_slow_frames_of_one_workspace_leave_places_to_others(running: Any) -> None:
    running.drawing.hangs_for = "slow"
    hanging = [asyncio.create_task(running.queue.ask(wanted(running.source, workspace="slow"))) for _ in range(5)]
    refused = await next(iter(asyncio.as_completed(hanging)))
    assert refused.reason is ErrorReason.WORKER_UNAVAILABLE  # the fifth of eight places
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_frame_that_nobody_waits_for_is_given_up(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_CHECK_SECONDS", 0.01)
    running.drawing.hangs_for = "films"
    asking = asyncio.create_task(running.queue.ask(wanted(running.source)))
    while not running.drawing.hanging:
        await asyncio.sleep(0.01)
    asking.cancel()
    while running.drawing.hanging:
        await asyncio.sleep(0.01)
    running.drawing.hangs_for = ""
    assert (await running.queue.ask(wanted(running.source))).image == b"1"


async def test_a_request_that_cannot_be_read_is_answered(running: Any) -> None:
    request = UnreadableRequest("somewhere")
    running.queue.send(request)
    while not running.queue.refused:
        await asyncio.sleep(0.01)
    assert (await running.queue.ask(wanted(running.source))).image == b"1"


async def test_after_a_minute_files_are_fetched_again(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await running.queue.ask(wanted(running.source))
    monkeypatch.setattr(files, "_KEPT_SECONDS", 0.0)
    await running.queue.ask(wanted(running.source))
    assert len(running.drawing.inspected) == 2


async def test_a_file_that_cannot_be_fetched_is_named_and_fetched_anew_the_next_time(running: Any) -> None:
    answer = await running.queue.ask(wanted(running.source, name="late.png"))
    assert (answer.reason, answer.metadata["shot_id"]) == (ErrorReason.ASSET_INVALID, "sea")
    (running.source / "late.png").write_bytes(b"picture")
    assert (await running.queue.ask(wanted(running.source, name="late.png"))).image == b"1"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (RenderFailure(ErrorReason.GLYPH_MISSING, "no font"), ErrorReason.GLYPH_MISSING),
        (RuntimeError("a fault of the service"), ErrorReason.INTERNAL),
    ],
)
async def test_a_frame_that_cannot_be_drawn_is_answered_and_the_next_is_drawn(
    running: Any, fault: Exception, reason: ErrorReason
) -> None:
    running.drawing.fault = fault
    assert (await running.queue.ask(wanted(running.source))).reason is reason
    running.drawing.fault = None
    assert (await running.queue.ask(wanted(running.source))).image == b"1"
