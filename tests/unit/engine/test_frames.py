"""The worker that draws frames: it fetches the files of a project once, and answers whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from render_service.compositor.compositor import Compositor
from render_service.compositor.inspection import Inspection
from render_service.compositor.media.assets import Media
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FrameFacts, FrameRequest, ImageFormat
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project, Shot
from render_service.engine import frames
from render_service.engine.frames import FrameWorker
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.policy import FetchPolicy
from render_service.queue.frames import DrawnFrame, FrameQueue, ReceivedRequest

OUTPUT = OutputSpec(320, 180, 30, Quality.DRAFT)


class Drawing:
    """A compositor that draws the number of its call, and counts what it inspects."""

    def __init__(self) -> None:
        self.inspected: list[Media] = []
        self.drawn = 0
        self.fault: Exception | None = None

    async def inspect(self, media: Media, _project: Project) -> Inspection:
        self.inspected.append(media)
        return Inspection(media, {}, {}, ())

    async def draw_frame(self, wanted: FrameRequest, inspected: Inspection, workdir: Path, path: Path) -> FrameFacts:
        for asset in inspected.media.assets():
            assert asset.path.read_bytes() == b"picture"
        if self.fault is not None:
            raise self.fault
        self.drawn += 1
        path.write_bytes(str(self.drawn).encode())
        return FrameFacts(self.drawn, wanted.shot_id, 150)


class Asking:
    """A queue whose requests the test makes, and whose answers it awaits."""

    def __init__(self) -> None:
        self._requests: asyncio.Queue[ReceivedRequest] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[DrawnFrame | RenderFailure]] = {}

    async def ask(self, wanted: FrameRequest) -> DrawnFrame | RenderFailure:
        name = str(len(self._answers))
        self._answers[name] = asyncio.get_running_loop().create_future()
        self._requests.put_nowait(ReceivedRequest(wanted, name))
        return await self._answers[name]

    async def receive(self, _timeout: float) -> ReceivedRequest:
        return await self._requests.get()

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
    worker = FrameWorker(cast("FrameQueue", queue), cast("Compositor", drawing), fetcher, scratch, at_once=2)
    task = asyncio.create_task(worker.run())
    yield SimpleNamespace(drawing=drawing, queue=queue, scratch=scratch, source=source)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert list(scratch.iterdir()) == []


def wanted(source: Path, *, caption: str = "", workspace: str = "films", name: str = "a.png") -> FrameRequest:
    shot = Shot("sea", caption=caption, image_uri=(source / name).as_uri())
    return FrameRequest(workspace, RenderSpec(Project(shots=(shot,)), OUTPUT), ImageFormat.PNG, "sea")


async def test_the_files_of_a_project_are_fetched_once_for_all_its_frames(running: Any) -> None:
    asked = [running.queue.ask(wanted(running.source, caption=text)) for text in ("one", "two", "three")]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.image for answer in answers) == [b"1", b"2", b"3"]
    assert len(running.drawing.inspected) == 1
    # Of another workspace nothing is known: it may not be allowed to read the same address.
    await running.queue.ask(wanted(running.source, workspace="other"))
    assert len(running.drawing.inspected) == 2


async def test_after_a_minute_files_are_fetched_again(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await running.queue.ask(wanted(running.source))
    monkeypatch.setattr(frames, "_KEPT_SECONDS", 0.0)
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
