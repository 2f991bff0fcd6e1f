"""The files of projects whose frames are drawn: kept for a minute, for the next frame of the same project."""

import asyncio
import hashlib
import shutil
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from render_service.compositor.compositor import Compositor
from render_service.compositor.inspection import Inspection, InspectionChoices
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.retry import RetryPolicy
from render_service.engine.assets import fetch_assets, named_files
from render_service.engine.fonts import fetch_fonts
from render_service.fetch.fetcher import Fetcher
from render_service.storage.store import ObjectStore

# Somebody waits for the picture: what fails is not fetched again.
_ONCE = RetryPolicy(max_attempts=1)
_KEPT_SECONDS = 60.0
_SWEEP_SECONDS = 5.0
# Its files count against the workspace's share of this worker's disk, which its jobs need as well.
_KEPT_OF_WORKSPACE = 2
_KEPT = 8


@dataclass(eq=False, slots=True)
class _Entry:
    """The files of one project: `ready` completes when they are fetched and inspected; `resources` are released after.

    `fetched` is when, in seconds of the monotonic clock; `users` is how many frames are being drawn of them.
    """

    workspace_id: str
    ready: "asyncio.Task[Inspection]"
    resources: ExitStack
    fetched: float
    users: int = 0

    @property
    def is_usable(self) -> bool:
        """Whether they are young enough, and could be had."""
        failed = self.ready.done() and (self.ready.cancelled() or self.ready.exception() is not None)
        return not failed and time.monotonic() - self.fetched < _KEPT_SECONDS


class ProjectFiles:
    """Fetches and inspects the files of projects.

    Args:
        compositor: Inspects them in its processes.
        fetcher: Fetches them.
        store: Holds uploaded fonts.
        folder: Scratch space of this process.
    """

    def __init__(self, compositor: Compositor, fetcher: Fetcher, store: ObjectStore, folder: Path) -> None:
        self._store = store
        self._compositor = compositor
        self._fetcher = fetcher
        self._folder = folder
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    @asynccontextmanager
    async def of(self, workspace_id: str, spec: RenderSpec) -> AsyncIterator[Inspection]:
        """Yield the files of a render, which stay while the context lasts.

        Raises:
            RenderFailure: A file cannot be fetched or used.
        """
        entry = await self._entry(workspace_id, spec)
        entry.users += 1
        try:
            yield await asyncio.shield(entry.ready)
        finally:
            entry.users -= 1
            if entry.users == 0 and not (entry.ready.done() and entry.is_usable):
                # Nobody waits for them any longer.
                await self._forget(entry)

    async def run(self) -> None:
        """Remove what is old until cancelled; then everything."""
        try:
            while True:
                await asyncio.sleep(_SWEEP_SECONDS)
                for entry in list(self._entries.values()):
                    if entry.users == 0 and not entry.is_usable:
                        await self._forget(entry)
        finally:
            for entry in list(self._entries.values()):
                await self._forget(entry)

    async def _entry(self, workspace_id: str, spec: RenderSpec) -> _Entry:
        key = _key(workspace_id, spec)
        known = self._entries.get(key)
        if known is not None and known.is_usable:
            self._entries.move_to_end(key)
            return known
        if known is not None:
            # Under another name, until those that use it are done.
            self._entries[token_hex(8)] = self._entries.pop(key)
        resources = ExitStack()
        folder = self._folder / f"frames-{token_hex(8)}"
        resources.callback(shutil.rmtree, folder, ignore_errors=True)
        ready = asyncio.create_task(self._fetch(workspace_id, spec, folder, resources))
        made = self._entries[key] = _Entry(workspace_id, ready, resources, time.monotonic())
        made.users += 1  # it is not surplus itself
        try:
            await self._drop_surplus(workspace_id)
        finally:
            made.users -= 1
        return made

    async def _drop_surplus(self, workspace_id: str) -> None:
        of_workspace = [entry for entry in self._entries.values() if entry.workspace_id == workspace_id]
        surplus = of_workspace[: max(0, len(of_workspace) - _KEPT_OF_WORKSPACE)]
        surplus += list(self._entries.values())[: max(0, len(self._entries) - _KEPT)]
        for entry in dict.fromkeys(surplus):
            if entry.users == 0:
                await self._forget(entry)

    async def _fetch(self, workspace_id: str, spec: RenderSpec, folder: Path, resources: ExitStack) -> Inspection:
        session = resources.enter_context(self._fetcher.session(workspace_id))
        media, _ = await fetch_assets(spec.project, session, folder, retry=_ONCE)
        fonts = await fetch_fonts(spec.fonts, self._store, folder)
        return await self._compositor.inspect(replace(media, fonts=fonts), InspectionChoices.of(spec))

    async def _forget(self, entry: _Entry) -> None:
        for key, known in list(self._entries.items()):
            if known is entry:
                del self._entries[key]
        entry.ready.cancel()
        await asyncio.gather(entry.ready, return_exceptions=True)
        await asyncio.to_thread(entry.resources.close)


def _key(workspace_id: str, spec: RenderSpec) -> str:
    """Return a name for the files of a render and how they are inspected."""
    named = (workspace_id, named_files(spec.project), InspectionChoices.of(spec), spec.fonts)
    return hashlib.sha256(repr(named).encode()).hexdigest()
