"""Copies clips from providers, whose URLs expire, into the object store, and checks them on the way."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from render_service.domain.errors import RenderFailure
from render_service.domain.generation.clip_plan import ClipOrder
from render_service.domain.generation.provider_task import StoredClip
from render_service.domain.jobs.job import ProviderName
from render_service.fetch.errors import FetchError
from render_service.fetch.fetcher import Fetched, Fetcher
from render_service.providers.apis.instrumented import observed
from render_service.storage import keys
from render_service.storage.store import ObjectStore

# How much shorter than ordered a clip may be: encoders drop a frame or two, and models round to their own frames.
_SHORT = timedelta(milliseconds=500)
_SHORT_PART = 0.1
_LEAST_SIDE = 64


@dataclass(frozen=True, slots=True)
class ClipLook:
    """The result of probing a clip: its duration, and its size in pixels."""

    duration: timedelta
    width: int
    height: int


LookAtClip = Callable[[Path], Awaitable[ClipLook]]
"""Decodes a clip; raises RenderFailure where it cannot be used."""


class CopyFault(Exception):
    """A result cannot be fetched from its URL.

    Args:
        message: One sentence for people.
        passing: Whether it may be had later: what is paid is not given up for that.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.passing = passing


class ClipCopies:
    """Copies of clips.

    Args:
        store: Where they are kept.
        fetchers: Who fetches results, guarded, for each provider.
        look: Looks at a clip.
    """

    def __init__(self, store: ObjectStore, fetchers: Mapping[ProviderName, Fetcher], look: LookAtClip) -> None:
        self._store = store
        self._fetchers = fetchers
        self._look = look

    async def take(
        self,
        workspace_id: str,
        order: ClipOrder,
        urls: tuple[str, ...],
        path: Path,
        metadata: Mapping[str, Any],
    ) -> StoredClip:
        """Fetch a result, check it, and store it.

        Args:
            workspace_id: Whose clip it is.
            order: What was ordered.
            urls: Where the result lies; the first is the clip.
            path: Where it goes on this machine.
            metadata: What the provider tells of it.

        Raises:
            CopyFault: it cannot be fetched, or is not what was ordered.
            StorageUnavailable: the store is unavailable.
        """
        provider = order.model.provider
        if not urls:
            raise CopyFault(f"{provider} gave no address of the clip")
        try:
            with observed(provider, "fetch"), self._fetchers[provider].session(workspace_id) as session:
                fetched = await session.fetch(urls[0], path)
        except FetchError as error:
            told = f"the clip of {provider} could not be fetched: {error.message}"
            raise CopyFault(told, passing=error.retryable) from error
        look = await self._checked(order, path)
        return await self._stored(workspace_id, fetched, look, metadata)

    async def restore(self, clip: StoredClip, path: Path) -> bool:
        """Fetch a stored clip into a file; return whether there is one."""
        return await self._store.fetch_to(clip.key, path)

    async def _checked(self, order: ClipOrder, path: Path) -> ClipLook:
        provider = order.model.provider
        try:
            look = await self._look(path)
        except RenderFailure as failure:
            raise CopyFault(f"what {provider} made is no clip: {failure.message}") from failure
        if look.duration < order.duration - max(_SHORT, order.duration * _SHORT_PART):
            lasts, ordered = look.duration.total_seconds(), order.duration.total_seconds()
            raise CopyFault(f"the clip of {provider} lasts {lasts:.2f} s; {ordered:g} s were ordered")
        if min(look.width, look.height) < _LEAST_SIDE:
            raise CopyFault(f"the clip of {provider} has only {look.width} × {look.height} pixels")
        return look

    async def _stored(
        self, workspace_id: str, fetched: Fetched, look: ClipLook, metadata: Mapping[str, Any]
    ) -> StoredClip:
        key = keys.clip_key(workspace_id, fetched.sha256)
        # Identical bytes are not overwritten: another task may be reading them.
        if await self._store.head(key) is None:
            await self._store.put_file(key, fetched.path, content_type="video/mp4")
        return StoredClip(
            key,
            fetched.sha256,
            fetched.size_bytes,
            look.duration // timedelta(milliseconds=1),
            look.width,
            look.height,
            metadata,
        )
