"""Copies clips from providers, whose URLs expire, into the object store, and validates them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from render_service.domain.errors import RenderFailure
from render_service.domain.generation.clip_plan import ClipSpec, shortest_result
from render_service.domain.generation.provider_task import StoredClip
from render_service.domain.jobs.job import ProviderName
from render_service.fetch.errors import FetchError
from render_service.fetch.fetcher import Fetched, Fetcher
from render_service.providers.apis.instrumented import measured
from render_service.storage import keys
from render_service.storage.store import ObjectStore

_MIN_SIDE = 64


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """The result of probing a clip: its duration, and its size in pixels."""

    duration: timedelta
    width: int
    height: int


ProbeClip = Callable[[Path], Awaitable[ClipInfo]]
"""Probes a clip; raises RenderFailure if it cannot be decoded."""


class CopyFault(Exception):
    """A clip cannot be fetched, or is not what was requested.

    Args:
        message: One sentence for people.
        temporary: Whether it may be available later; a clip that is paid is not given up for that.
    """

    def __init__(self, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.temporary = temporary


class ClipCopies:
    """Copies of clips.

    Args:
        store: Stores the copies.
        fetchers: Fetch the results of each provider.
        probe: Probes a clip.
    """

    def __init__(self, store: ObjectStore, fetchers: Mapping[ProviderName, Fetcher], probe: ProbeClip) -> None:
        self._store = store
        self._fetchers = fetchers
        self._probe = probe

    async def copy(
        self,
        workspace_id: str,
        spec: ClipSpec,
        urls: tuple[str, ...],
        path: Path,
        metadata: Mapping[str, Any],
    ) -> StoredClip:
        """Fetch a result, validate it, and store it.

        Args:
            workspace_id: The job's workspace.
            spec: The clip that was requested.
            urls: The URLs of the result; the first is the clip.
            path: Where to write the clip on this machine.
            metadata: The provider's metadata, stored with the clip.

        Raises:
            CopyFault: it cannot be fetched, or is not what was requested.
            RenderFailure: this machine cannot probe it; the clip may be usable.
            StorageUnavailable: the store is unavailable.
        """
        provider = spec.model.provider
        if not urls:
            raise CopyFault(f"{provider} returned no URL of the clip")
        try:
            with measured(provider, "fetch"), self._fetchers[provider].session(workspace_id) as session:
                fetched = await session.fetch(urls[0], path)
        except FetchError as error:
            message = f"the clip of {provider} could not be fetched: {error.message}"
            raise CopyFault(message, temporary=error.retryable) from error
        info = await self._validated(spec, path)
        return await self._stored(workspace_id, fetched, info, metadata)

    async def restore(self, clip: StoredClip, path: Path) -> bool:
        """Fetch a stored clip into a file; return whether it exists."""
        return await self._store.fetch_to(clip.key, path)

    async def _validated(self, spec: ClipSpec, path: Path) -> ClipInfo:
        provider = spec.model.provider
        try:
            info = await self._probe(path)
        except RenderFailure as failure:
            if failure.worker_fault:
                raise  # says nothing of the clip, which is paid
            raise CopyFault(f"the result of {provider} is not a usable clip: {failure.message}") from failure
        if info.duration < shortest_result(spec.duration):
            actual, requested = info.duration.total_seconds(), spec.duration.total_seconds()
            raise CopyFault(f"the clip of {provider} lasts {actual:.2f} s instead of {requested:g} s")
        if min(info.width, info.height) < _MIN_SIDE:
            raise CopyFault(f"the clip of {provider} has only {info.width} × {info.height} pixels")
        return info

    async def _stored(
        self, workspace_id: str, fetched: Fetched, info: ClipInfo, metadata: Mapping[str, Any]
    ) -> StoredClip:
        key = keys.clip_key(workspace_id, fetched.sha256)
        # Identical bytes are not overwritten: another task may be reading them.
        if await self._store.head(key) is None:
            await self._store.put_file(key, fetched.path, content_type="video/mp4")
        return StoredClip(
            key,
            fetched.sha256,
            fetched.size_bytes,
            info.duration // timedelta(milliseconds=1),
            info.width,
            info.height,
            metadata,
        )
