"""Draws single frames that servers ask for."""

import asyncio
import hashlib
import shutil
import time
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from redis.exceptions import RedisError

from render_service.compositor.compositor import Compositor
from render_service.compositor.inspection import Inspection
from render_service.domain.errors import DomainError, ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FrameRequest
from render_service.domain.projects.project import Project
from render_service.domain.retry import RetryPolicy
from render_service.engine.assets import fetch_assets, named_files
from render_service.fetch.fetcher import Fetcher
from render_service.queue.frames import DrawnFrame, FrameQueue, ReceivedRequest
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.worker import FRAMES_DRAWN

_log = get_logger(__name__)

# Somebody waits for the picture: what fails is not fetched again.
_ONCE = RetryPolicy(max_attempts=1)
_KEPT = 8
_KEPT_SECONDS = 60.0
_SWEEP_SECONDS = 5.0
_PAUSE_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class _Files:
    """The files of a project: `ready` completes when they are fetched and inspected; `resources` are released after."""

    ready: "asyncio.Task[Inspection]"
    resources: ExitStack
    fetched: float
    users: int = 0


@dataclass(eq=False, slots=True)
class FrameWorker:
    """Draws frames, some at a time; keeps the files of a project for a minute, for its next frame.

    Args:
        queue: Where requests come from.
        compositor: Draws in its processes.
        fetcher: Fetches assets.
        folder: Scratch space of this process.
        at_once: Most frames that are drawn at a time.
    """

    queue: FrameQueue
    compositor: Compositor
    fetcher: Fetcher
    folder: Path
    at_once: int
    _files: "OrderedDict[str, _Files]" = field(default_factory=OrderedDict)

    async def run(self) -> None:
        """Draw until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sweep())
                for _ in range(self.at_once):
                    group.create_task(self._serve())
        finally:
            for key in list(self._files):
                self._forget(key)

    async def _serve(self) -> None:
        while True:
            try:
                received = await self.queue.receive(_SWEEP_SECONDS)
                if received is not None:
                    await self.queue.answer(received.reply_to, await self._result(received))
            except (RedisError, OSError):
                await asyncio.sleep(_PAUSE_SECONDS)
            except ValueError:
                _log.warning("a request for a frame cannot be read: it comes from a server of another version")

    async def _result(self, received: ReceivedRequest) -> DrawnFrame | RenderFailure:
        try:
            frame = await self.draw(received.wanted)
        except RenderFailure as failure:
            FRAMES_DRAWN.labels(failure.reason).inc()
            return failure
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, others are still drawn
            _log.error("a frame was not drawn by a fault of the service", exc_info=error)
            FRAMES_DRAWN.labels(ErrorReason.INTERNAL).inc()
            return RenderFailure(ErrorReason.INTERNAL, "an internal fault; the operators can find it in the logs")
        FRAMES_DRAWN.labels("").inc()
        return frame

    async def draw(self, wanted: FrameRequest) -> DrawnFrame:
        """Draw a frame.

        Raises:
            RenderFailure: It cannot be drawn.
        """
        files = self._files_of(wanted.workspace_id, wanted.spec.project)
        files.users += 1
        workdir = self.folder / f"frame-{token_hex(8)}"
        try:
            inspected = await asyncio.shield(files.ready)
            await asyncio.to_thread(workdir.mkdir)
            image = workdir / "image"
            facts = await self.compositor.draw_frame(wanted, inspected, workdir, image)
            return DrawnFrame(await asyncio.to_thread(image.read_bytes), facts)
        finally:
            files.users -= 1
            await asyncio.to_thread(shutil.rmtree, workdir, ignore_errors=True)

    def _files_of(self, workspace_id: str, project: Project) -> _Files:
        """Return the files of a project, which are fetched unless they were in the last minute."""
        silent = sorted(shot.id for shot in project.shots if not shot.clip_sound)
        named = (workspace_id, named_files(project), silent, project.bad_asset_policy)
        key = hashlib.sha256(repr(named).encode()).hexdigest()
        known = self._files.get(key)
        if known is not None and time.monotonic() - known.fetched < _KEPT_SECONDS and not _has_failed(known):
            self._files.move_to_end(key)
            return known
        if known is not None:
            # Under another name, until those that use it are done.
            self._files[token_hex(8)] = self._files.pop(key)
            known.fetched = 0.0
        resources = ExitStack()
        folder = self.folder / f"frames-{token_hex(8)}"
        resources.callback(shutil.rmtree, folder, ignore_errors=True)
        ready = asyncio.create_task(self._fetch(workspace_id, project, folder, resources))
        made = self._files[key] = _Files(ready, resources, time.monotonic())
        return made

    async def _fetch(self, workspace_id: str, project: Project, folder: Path, resources: ExitStack) -> Inspection:
        session = resources.enter_context(self.fetcher.session(workspace_id))
        try:
            media, _ = await fetch_assets(project, session, folder, retry=_ONCE)
        except DomainError:
            raise
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return await self.compositor.inspect(media, project)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            old = time.monotonic() - _KEPT_SECONDS
            unused = [key for key, files in self._files.items() if files.users == 0]
            surplus = unused[: max(0, len(self._files) - _KEPT)]
            for key in unused:
                if self._files[key].fetched < old or key in surplus or _has_failed(self._files[key]):
                    self._forget(key)

    def _forget(self, key: str) -> None:
        files = self._files.pop(key)
        files.ready.cancel()
        files.resources.close()


def _has_failed(files: _Files) -> bool:
    return files.ready.done() and (files.ready.cancelled() or files.ready.exception() is not None)
