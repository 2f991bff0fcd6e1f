"""Draws single frames that servers ask for, some at a time."""

import asyncio
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from redis.exceptions import RedisError

from render_service.compositor.compositor import Compositor
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FrameRequest
from render_service.engine.previews.files import ProjectFiles
from render_service.fetch.fetcher import Fetcher
from render_service.queue.frame_queue import DrawnFrame, FrameQueue, ReceivedRequest, UnreadableRequest
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.worker import FRAMES_DRAWN

_log = get_logger(__name__)

_RECEIVE_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
_CHECK_SECONDS = 1.0
_MOST_SECONDS = 30.0
# Most requests wait for files from elsewhere, and need no process meanwhile.
_WAITING_PER_PROCESS = 4


class FrameWorker:
    """Draws frames. One workspace has at most half of the places, so that slow files of its own keep no other waiting.

    Args:
        queue: Where requests come from.
        compositor: Draws in its processes.
        fetcher: Fetches assets.
        store: Holds uploaded fonts.
        folder: Scratch space of this process.
        at_once: Most frames that are drawn at a time.
    """

    def __init__(
        self,
        queue: FrameQueue,
        compositor: Compositor,
        fetcher: Fetcher,
        store: ObjectStore,
        folder: Path,
        *,
        at_once: int,
    ) -> None:
        self._queue = queue
        self._compositor = compositor
        self._files = ProjectFiles(compositor, fetcher, store, folder)
        self._folder = folder
        self._most = at_once * _WAITING_PER_PROCESS
        self._places = asyncio.Semaphore(self._most)
        self._processes = asyncio.Semaphore(at_once)
        self._busy: Counter[str] = Counter()

    async def run(self) -> None:
        """Draw until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._files.run())
            while True:
                # A request is taken when there is a place for it; until then other workers may take it.
                await self._places.acquire()
                received = await self._receive()
                if received is None:
                    self._places.release()
                else:
                    group.create_task(self._serve(received))

    async def _receive(self) -> ReceivedRequest | None:
        try:
            return await self._queue.receive(_RECEIVE_SECONDS)
        except (RedisError, OSError):
            await asyncio.sleep(_PAUSE_SECONDS)
        except UnreadableRequest as request:
            _log.warning("a request for a frame cannot be read: it comes from a server of another version")
            with suppress(RedisError, OSError):
                await self._queue.refuse(request)
        return None

    async def _serve(self, received: ReceivedRequest) -> None:
        try:
            result = await self._result(received)
            if result is not None:
                with suppress(RedisError, OSError):  # its caller asks again
                    await self._queue.answer(received.reply_to, result)
        finally:
            self._places.release()

    async def _result(self, received: ReceivedRequest) -> DrawnFrame | RenderFailure | None:
        """Return the answer to a request; None if nobody waits for it any longer."""
        workspace_id = received.wanted.workspace_id
        if self._busy[workspace_id] >= max(1, self._most // 2):
            return RenderFailure(ErrorReason.WORKER_UNAVAILABLE, "other frames of this workspace are still being drawn")
        self._busy[workspace_id] += 1
        try:
            frame = await self._draw_while_wanted(received)
        except RenderFailure as failure:
            FRAMES_DRAWN.labels(failure.reason).inc()
            return failure
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, others are still drawn
            _log.error("a frame was not drawn by a fault of the service", exc_info=error)
            FRAMES_DRAWN.labels(ErrorReason.INTERNAL).inc()
            return RenderFailure(ErrorReason.INTERNAL, "an internal fault; the operators can find it in the logs")
        finally:
            self._busy[workspace_id] -= 1
            if not self._busy[workspace_id]:
                del self._busy[workspace_id]
        FRAMES_DRAWN.labels("").inc()
        return frame

    async def _draw_while_wanted(self, received: ReceivedRequest) -> DrawnFrame | None:
        """Draw a frame, and stop when nobody waits for it any longer."""
        drawing = asyncio.create_task(self.draw(received.wanted))
        try:
            # Without Redis nobody can be asked; no caller waits longer than this.
            async with asyncio.timeout(_MOST_SECONDS) as limit:
                while not (await asyncio.wait((drawing,), timeout=_CHECK_SECONDS))[0]:
                    with suppress(RedisError, OSError):
                        if not await self._queue.is_wanted(received.reply_to):
                            return None
                return drawing.result()
        except TimeoutError:
            if not limit.expired():
                raise
            return None
        finally:
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)

    async def draw(self, wanted: FrameRequest) -> DrawnFrame:
        """Draw a frame.

        Raises:
            RenderFailure: It cannot be drawn.
        """
        workdir = self._folder / f"frame-{token_hex(8)}"
        async with self._files.of(wanted.workspace_id, wanted.spec) as inspected, self._processes:
            try:
                await asyncio.to_thread(workdir.mkdir)
                image = workdir / "image"
                facts = await self._compositor.draw_frame(wanted, inspected, workdir, image)
                return DrawnFrame(await asyncio.to_thread(image.read_bytes), facts)
            finally:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, workdir, ignore_errors=True))
