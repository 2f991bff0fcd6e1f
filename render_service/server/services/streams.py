"""Signs the URLs within playlists: a stream that a player can follow from one pre-signed URL.

The playlists in the store name files relatively. For a caller they are stored once more, with a pre-signed URL in the
place of each name. All calls of a while share them, and no URL in them expires before the one that a call returns.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from render_service.domain.jobs.job import StoredFile
from render_service.storage.errors import ObjectAbsent
from render_service.storage.keys import SIGNED_FOLDER, STREAM_FOLDER
from render_service.storage.presigning import PresignedUrl
from render_service.storage.store import ObjectStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAMP = "%Y%m%dT%H%M%SZ"
_PLAYLIST = "application/vnd.apple.mpegurl"
_MANIFEST = "application/dash+xml"
_HLS_NAMES = re.compile(r'(?P<before>URI="|^)(?P<name>[A-Za-z0-9._-]+)(?=["\n])', re.MULTILINE)
_DASH_NAMES = re.compile(r"(?P<before><BaseURL>)(?P<name>[A-Za-z0-9._-]+)(?=</BaseURL>)")


class StreamSigner:
    """Makes URLs of streams.

    Args:
        store: Where the playlists are, and those with URLs go.
        valid_for: How long a URL is valid at most; those of a call have at least three quarters of it left.
    """

    def __init__(self, store: ObjectStore, *, valid_for: timedelta) -> None:
        self._store = store
        self._valid_for = valid_for

    async def url(self, entry: StoredFile) -> PresignedUrl | None:
        """Return a URL of a playlist or manifest; it and all URLs that lead on from it are valid until it expires.

        Returns:
            The URL; None if the store has none.

        Raises:
            ObjectAbsent: The store lacks a file of the stream.
            StorageUnavailable: The store failed.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        until = self._shared_until(now)
        lifetime = until - now
        folder = f"{entry.key.rpartition(f'/{STREAM_FOLDER}/')[0]}/{SIGNED_FOLDER}"
        prefix = f"{folder}/{until:{_STAMP}}"
        signed = await self._sign(f"{prefix}.{entry.name}", entry.content_type, lifetime)
        if signed is None:
            return None
        if await self._store.head(f"{prefix}.{entry.name}") is None:
            await self._write(entry, prefix, lifetime)
            await self._remove_expired(folder, now)
        return PresignedUrl(signed.url, min(signed.expire_time, until))

    def _shared_until(self, now: datetime) -> datetime:
        """Return until when the URLs within the playlists of this moment are valid.

        They are signed anew every quarter of the time for which a URL is valid.
        """
        begun = now - (now - _EPOCH) % (self._valid_for / 4)
        return (begun + self._valid_for).replace(microsecond=0)

    async def _write(self, entry: StoredFile, prefix: str, lifetime: timedelta) -> None:
        """Store playlists with URLs, the one that names the others last: whoever finds it finds all."""
        urls: dict[str, str] = {}
        for part in entry.parts:
            # What names further files is read where it lies with their URLs.
            key = f"{prefix}.{part.name}" if part.content_type == _PLAYLIST else part.key
            signed = await self._sign(key, part.content_type, lifetime)
            assert signed is not None
            urls[part.name] = signed.url
        playlists = [part for part in entry.parts if part.content_type == _PLAYLIST]
        await asyncio.gather(*(self._rewrite(part, prefix, urls) for part in playlists))
        await self._rewrite(entry, prefix, urls)

    async def _remove_expired(self, folder: str, now: datetime) -> None:
        names = [info.key async for info in self._store.list(folder)]
        stamp = f"{now:{_STAMP}}"
        await self._store.delete_all([key for key in names if key.removeprefix(f"{folder}/") < stamp])

    async def _rewrite(self, file: StoredFile, prefix: str, urls: Mapping[str, str]) -> None:
        text = b"".join([part async for part in self._store.read(file.key)]).decode()
        content = with_urls(text, urls, is_manifest=file.content_type == _MANIFEST)
        await self._store.put_bytes(f"{prefix}.{file.name}", content.encode(), content_type=file.content_type)

    async def _sign(self, key: str, content_type: str, valid_for: timedelta) -> PresignedUrl | None:
        return await self._store.presigned_url(key, expires_in=valid_for, content_type=content_type)


def with_urls(text: str, urls: Mapping[str, str], *, is_manifest: bool) -> str:
    """Return a playlist, or a DASH manifest, with URLs in the place of file names.

    Args:
        text: The playlist.
        urls: The URL of each file that it names.
        is_manifest: Whether it is a manifest, which is XML.

    Raises:
        ObjectAbsent: It names a file that has no URL.
    """

    def replaced(match: re.Match[str]) -> str:
        url = urls.get(match["name"])
        if url is None:
            raise ObjectAbsent(f"the stream has no file {match['name']}")
        return match["before"] + (escape(url) if is_manifest else url)

    return (_DASH_NAMES if is_manifest else _HLS_NAMES).sub(replaced, text)
