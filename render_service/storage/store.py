"""The object store: put, read, list, delete and presign, the same for a local folder and for S3."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
from obstore.store import S3Store

from render_service.storage.durability import sync_to_disk
from render_service.storage.errors import ObjectAbsent, translated_errors
from render_service.storage.keys import check_key, check_prefix
from render_service.storage.location import LocalFolder, S3Bucket, S3Options, locate
from render_service.storage.presigning import PresignedUrl, check_expiry, presign
from render_service.storage.ranges import read_ranges
from render_service.storage.self_test import self_test
from render_service.telemetry.tracing.spans import Kind, span

PART_BYTES = 8 * 1024 * 1024  # S3 takes 10,000 parts of an object at most: 80 GB
PARTS_AT_ONCE = 4
READ_WINDOW_BYTES = 2 * 1024 * 1024
FETCH_WINDOW_BYTES = 8 * 1024 * 1024
LIST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object's metadata: size in bytes, time of its last write (aware UTC)."""

    key: str
    size_bytes: int
    updated: datetime


class ObjectStore:
    """Bytes under keys.

    Every write is atomic: readers see the object before or after it, and a crash leaves nothing visible (S3 may keep
    parts of an unfinished upload; a lifecycle rule of the bucket removes them). The client runs threads of its own, so
    a process that forks must create its store after the fork.

    Args:
        url: `file:///absolute/folder` or `s3://bucket/prefix`.
        s3: How to reach S3; what is None comes from the environment (`AWS_*`).

    Raises:
        ValueError: The URL or the options are invalid; the message contains no secrets.
    """

    def __init__(self, url: str, *, s3: S3Options | None = None) -> None:
        self._location = locate(url, s3)
        self._store = self._location.open()

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file under a key, replacing any object there. Uploads in parts, never whole in memory.

        Args:
            key: See `check_key`.
            path: The file to read.
            content_type: Media type to store with it, where the store keeps one.

        Raises:
            StorageUnavailable: The store failed.
            OSError: The file cannot be read.
        """
        # First, so that a missing file is not reported as a failing store.
        await asyncio.to_thread(path.stat)
        with span("store object", {"render.object": key}, kind=Kind.CLIENT), translated_errors("put", key):
            await obstore.put_async(
                self._store,
                check_key(key),
                path,
                attributes=self._attributes(content_type),
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
            await self._make_durable(key)

    async def put_bytes(self, key: str, content: bytes, *, content_type: str) -> None:
        """Store bytes under a key, replacing any object there.

        Args:
            key: See `check_key`.
            content: The bytes.
            content_type: Media type to store with them, where the store keeps one.

        Raises:
            StorageUnavailable: The store failed.
        """
        with span("store object", {"render.object": key}, kind=Kind.CLIENT), translated_errors("put", key):
            await obstore.put_async(
                self._store, check_key(key), content, attributes=self._attributes(content_type), chunk_size=PART_BYTES
            )
            await self._make_durable(key)

    async def head(self, key: str) -> ObjectInfo | None:
        """Return an object's metadata, or None if there is none.

        Raises:
            StorageUnavailable: The store failed.
        """
        with translated_errors("head", key):
            try:
                meta = await obstore.head_async(self._store, check_key(key))
            except FileNotFoundError:
                return None
        return _info(meta)

    async def read(self, key: str, *, offset: int = 0, chunk_bytes: int = 256 * 1024) -> AsyncIterator[bytes]:
        """Read an object from an offset to its end.

        Each window is one request, resumed where it breaks off: a slow reader holds no connection, and at most one
        window of memory.

        Args:
            key: See `check_key`.
            offset: First byte, 0 to the object's size.
            chunk_bytes: Size of each piece but the last, 1 or more.

        Raises:
            ObjectAbsent: There is no such object.
            ValueError: `offset` lies beyond the end.
            StorageUnavailable: The store failed, or the object was replaced during the read.
        """
        window = max(READ_WINDOW_BYTES // chunk_bytes, 1) * chunk_bytes
        async for data in self._ranges(key, offset, window):
            for start in range(0, len(data), chunk_bytes):
                yield data[start : start + chunk_bytes]

    async def fetch_to(self, key: str, path: Path) -> bool:
        """Copy an object into a file. The file appears whole or not at all.

        Args:
            key: See `check_key`.
            path: The file to write, replacing any file there; its folder exists.

        Returns:
            Whether the object exists.

        Raises:
            StorageUnavailable: The store failed, or the object was replaced during the read.
            OSError: The file cannot be written.
        """
        part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
        try:
            with await asyncio.to_thread(part.open, "wb") as file:
                async for data in self._ranges(key, 0, FETCH_WINDOW_BYTES):
                    await asyncio.to_thread(file.write, data)
            part.replace(path)
        except ObjectAbsent:
            return False
        finally:
            part.unlink(missing_ok=True)
        return True

    async def delete(self, key: str) -> None:
        """Delete an object; an absent one is ignored.

        Raises:
            StorageUnavailable: The store failed.
        """
        with translated_errors("delete", key), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, check_key(key))

    async def delete_prefix(self, prefix: str) -> int:
        """Delete all objects below a prefix.

        Args:
            prefix: Whole segments of keys; not empty.

        Returns:
            How many objects were deleted.

        Raises:
            ValueError: The prefix is empty, which would delete the whole store.
            StorageUnavailable: The store failed; some objects may be gone.
        """
        if not check_prefix(prefix):
            raise ValueError("delete_prefix needs a prefix")
        removed = 0
        batch: list[str] = []
        async for info in self.list(prefix):
            batch.append(info.key)
            if len(batch) == LIST_PAGE:
                removed += await self.delete_all(batch)
                batch = []
        return removed + await self.delete_all(batch)

    async def delete_all(self, keys: Sequence[str]) -> int:
        """Delete objects; absent ones are ignored.

        Args:
            keys: See `check_key`.

        Returns:
            How many keys there were.

        Raises:
            StorageUnavailable: The store failed; some objects may be gone.
        """
        for start in range(0, len(keys), LIST_PAGE):
            batch = [check_key(key) for key in keys[start : start + LIST_PAGE]]
            with translated_errors("delete", batch[0]):
                try:
                    await obstore.delete_async(self._store, batch)
                except FileNotFoundError:
                    # A local folder stops the batch at a key that is absent, or that another process deletes meanwhile.
                    for key in batch:
                        await self.delete(key)
        return len(keys)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """List the objects below a prefix, in no particular order.

        Args:
            prefix: Whole segments of keys (`videos/a` does not find `videos/ab/…`); empty lists all.

        Raises:
            StorageUnavailable: The store failed.
        """
        below = check_prefix(prefix)
        with translated_errors("list", below):
            async for page in obstore.list(self._store, below or None, chunk_size=LIST_PAGE):
                for meta in page:
                    yield _info(meta)

    async def presigned_url(
        self, key: str, *, expires_in: timedelta, filename: str | None = None, content_type: str | None = None
    ) -> PresignedUrl | None:
        """Return a pre-signed URL, which reads the object without credentials.

        Args:
            key: See `check_key`; the object need not exist.
            expires_in: 1 second to 7 days.
            filename: The name a browser saves it under. Ignored, like `content_type`, where the credentials come from
                the machine's role.
            content_type: The media type of the response; None for the stored one.

        Returns:
            The URL, or None for a local folder, which has no URLs.

        Raises:
            ValueError: `expires_in` is out of range.
            StorageUnavailable: The machine's role gives no credentials.
        """
        check_expiry(expires_in)
        if not isinstance(self._location, S3Bucket) or not isinstance(self._store, S3Store):
            return None
        now = datetime.now(UTC)
        if self._location.options.access_key_id:
            return presign(
                self._location,
                check_key(key),
                now=now,
                expires_in=expires_in,
                filename=filename,
                content_type=content_type,
            )
        with translated_errors("sign", key):
            url = await obstore.sign_async(self._store, "GET", check_key(key), expires_in)
        return PresignedUrl(url, now.replace(microsecond=0) + expires_in)

    async def check(self) -> None:
        """Check that objects can be written, read and deleted.

        Raises:
            StorageUnavailable: They cannot; the message names the cause for operators.
        """
        await self_test(self._store, self._name, self._attributes("text/plain"))

    @property
    def _name(self) -> str:
        if isinstance(self._location, LocalFolder):
            return f"Storage folder {self._location.folder}"
        return f"S3 bucket {self._location.bucket}"

    def _attributes(self, content_type: str) -> dict[str, str] | None:
        # A local folder stores no media types and rejects attributes.
        return {"Content-Type": content_type} if isinstance(self._location, S3Bucket) else None

    async def _make_durable(self, key: str) -> None:
        """Make a new object survive a power failure, as S3 does: an object that is present counts as done."""
        if isinstance(self._location, LocalFolder):
            await asyncio.to_thread(sync_to_disk, self._location.folder, key)

    async def _ranges(self, key: str, offset: int, range_bytes: int) -> AsyncIterator[bytes]:
        with translated_errors("read", key):
            async for data in read_ranges(self._store, key, offset, range_bytes):
                yield data


def _info(meta: "obstore.ObjectMeta") -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"].astimezone(UTC))
