"""The object store itself: put, read, list, delete and sign, the same for a local folder and for S3."""

import asyncio
import contextlib
import os
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import structlog
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from render_service.storage.errors import ObjectAbsent, StorageUnavailable
from render_service.storage.keys import check_key, check_prefix
from render_service.storage.location import LocalFolder, S3Bucket, S3Options, locate
from render_service.storage.signing import SignedUrl, check_expiry, presign
from render_service.telemetry.tracing.spans import Kind, span

PART_BYTES = 8 * 1024 * 1024  # S3 takes 10,000 parts of an object at most: 80 GB
PARTS_AT_ONCE = 4
READ_WINDOW_BYTES = 2 * 1024 * 1024
FETCH_WINDOW_BYTES = 8 * 1024 * 1024
LIST_PAGE = 1000
CHECK_TIMEOUT_SECONDS = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it: size in bytes, time of its last write (aware UTC)."""

    key: str
    size_bytes: int
    updated: datetime


class ObjectStore:
    """Bytes under keys.

    Every write is atomic: readers see the object before or after it, and a crash leaves nothing that can be seen (S3
    may keep parts of an unfinished upload; a lifecycle rule of the bucket removes them). The client runs threads of
    its own, so a process that forks makes its store after the fork.

    Args:
        url: `file:///absolute/folder` or `s3://bucket/prefix`.
        s3: How to reach S3; what it leaves open comes from the environment (`AWS_*`).

    Raises:
        ValueError: The URL or the options are wrong; the message says how, without secrets.
    """

    def __init__(self, url: str, *, s3: S3Options | None = None) -> None:
        self._location = locate(url, s3)
        self._store = self._location.open()

    @property
    def local_folder(self) -> Path | None:
        """The folder where the objects lie; None where they do not lie on this machine."""
        return self._location.folder if isinstance(self._location, LocalFolder) else None

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file under a key, over what was there; in parts, never whole in memory.

        Args:
            key: See `check_key`.
            path: The file to read.
            content_type: Media type to store with it, where the store keeps one.

        Raises:
            StorageUnavailable: The store failed.
            OSError: The file cannot be read.
        """
        # Asked first, so that a missing file is told apart from a failing store.
        await asyncio.to_thread(path.stat)
        with span("store object", {"render.object": key}, kind=Kind.CLIENT), _failures("put", key):
            await obstore.put_async(
                self._store,
                check_key(key),
                path,
                attributes=self._attributes(content_type),
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
            await self._settle(key)

    async def put_bytes(self, key: str, data: bytes, *, content_type: str) -> None:
        """Store bytes under a key, over what was there.

        Raises:
            StorageUnavailable: The store failed.
        """
        with span("store object", {"render.object": key}, kind=Kind.CLIENT), _failures("put", key):
            await obstore.put_async(self._store, check_key(key), data, attributes=self._attributes(content_type))
            await self._settle(key)

    async def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object, or None if there is none.

        Raises:
            StorageUnavailable: The store failed.
        """
        with _failures("head", key):
            try:
                meta = await obstore.head_async(self._store, check_key(key))
            except FileNotFoundError:
                return None
        return _info(meta)

    async def read(self, key: str, *, offset: int = 0, chunk_bytes: int = 256 * 1024) -> AsyncIterator[bytes]:
        """Read an object from a byte to its end.

        Each window is a request of its own: a slow reader holds no connection and at most one window of memory.

        Args:
            key: See `check_key`.
            offset: First byte, 0 to the object's size.
            chunk_bytes: Size of each piece but the last, 1 or more.

        Raises:
            ObjectAbsent: There is no such object.
            ValueError: `offset` lies beyond the end.
            StorageUnavailable: The store failed, or the object was replaced meanwhile.
        """
        window = max(READ_WINDOW_BYTES // chunk_bytes, 1) * chunk_bytes
        async for data in self._windows(key, offset, window):
            for start in range(0, len(data), chunk_bytes):
                yield data[start : start + chunk_bytes]

    async def fetch_to(self, key: str, path: Path) -> bool:
        """Copy an object into a file, which appears whole or not at all.

        Args:
            key: See `check_key`.
            path: The file to write, over what was there; its folder exists.

        Returns:
            Whether there was such an object.

        Raises:
            StorageUnavailable: The store failed, or the object was replaced meanwhile.
            OSError: The file cannot be written.
        """
        part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
        try:
            with await asyncio.to_thread(part.open, "wb") as file:
                async for data in self._windows(key, 0, FETCH_WINDOW_BYTES):
                    await asyncio.to_thread(file.write, data)
            part.replace(path)
        except ObjectAbsent:
            return False
        finally:
            part.unlink(missing_ok=True)
        return True

    async def delete(self, key: str) -> None:
        """Remove an object; one that is absent is no fault.

        Raises:
            StorageUnavailable: The store failed.
        """
        with _failures("delete", key), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, check_key(key))

    async def delete_prefix(self, prefix: str) -> int:
        """Remove all objects below a prefix.

        Args:
            prefix: Whole segments of keys; not empty.

        Returns:
            How many objects were found and removed.

        Raises:
            ValueError: The prefix is empty: nobody means the whole store.
            StorageUnavailable: The store failed; some objects may be gone.
        """
        if not check_prefix(prefix):
            raise ValueError("delete_prefix needs a prefix")
        removed = 0
        batch: list[str] = []
        async for info in self.list(prefix):
            batch.append(info.key)
            if len(batch) == LIST_PAGE:
                removed += await self._delete_all(batch)
                batch = []
        return removed + await self._delete_all(batch)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """List the objects below a prefix, in no promised order.

        Args:
            prefix: Whole segments of keys (`videos/a` does not find `videos/ab/…`); empty lists all.

        Raises:
            StorageUnavailable: The store failed.
        """
        below = check_prefix(prefix)
        with _failures("list", below):
            async for page in obstore.list(self._store, below or None, chunk_size=LIST_PAGE):
                for meta in page:
                    yield _info(meta)

    async def signed_url(
        self, key: str, *, expires_in: timedelta, filename: str | None = None, content_type: str | None = None
    ) -> SignedUrl | None:
        """Make a URL under which the object can be read without credentials.

        Args:
            key: See `check_key`; the object need not exist.
            expires_in: 1 second to 7 days.
            filename: The name a browser saves it under. Needs keys that this process knows: with a machine's role the
                URL carries neither name nor type.
            content_type: The media type to answer with; None for the stored one.

        Returns:
            The URL, or None where the store has no URLs (a local folder).

        Raises:
            ValueError: `expires_in` is out of range.
            StorageUnavailable: The credentials of the machine's role cannot be had.
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
        with _failures("sign", key):
            url = await obstore.sign_async(self._store, "GET", check_key(key), expires_in)
        return SignedUrl(url, now.replace(microsecond=0) + expires_in)

    async def check(self) -> None:
        """Find out whether objects can be written, read and removed.

        Raises:
            StorageUnavailable: They cannot; the message tells an operator why.
        """
        key = f"checks/{uuid.uuid4()}"
        written = key.encode()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await obstore.put_async(self._store, key, written, attributes=self._attributes("text/plain"))
                read = await (await obstore.get_async(self._store, key)).bytes_async()
                await obstore.delete_async(self._store, key)
        except TimeoutError as error:
            raise StorageUnavailable(f"{self._name} did not answer within {CHECK_TIMEOUT_SECONDS:.0f} s.") from error
        except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
            raise StorageUnavailable(f"{self._name} refuses these credentials or rights.") from error
        except FileNotFoundError as error:
            raise StorageUnavailable(f"{self._name} does not exist; create it first.") from error
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"{self._name} cannot be used: {_cause(error)}") from error
        if bytes(read) != written:
            raise StorageUnavailable(f"{self._name} gives back other bytes than were written.")

    @property
    def _name(self) -> str:
        if isinstance(self._location, LocalFolder):
            return f"Storage folder {self._location.folder}"
        return f"S3 bucket {self._location.bucket}"

    def _attributes(self, content_type: str) -> dict[str, str] | None:
        # A local folder keeps no media types and refuses to be given one.
        return {"Content-Type": content_type} if isinstance(self._location, S3Bucket) else None

    async def _settle(self, key: str) -> None:
        """Have a new object outlast a power cut, as S3 does by itself: what is present counts as done."""
        if isinstance(self._location, LocalFolder):
            await asyncio.to_thread(_sync_to_disk, self._location.folder, key)

    async def _windows(self, key: str, offset: int, window: int) -> AsyncIterator[bytes]:
        with _failures("read", key):
            try:
                meta = await obstore.head_async(self._store, check_key(key))
                size = meta["size"]
                if not 0 <= offset <= size:
                    raise ValueError(f"offset {offset} is not in an object of {size} bytes")
                for start in range(offset, size, window):
                    result = await obstore.get_async(
                        self._store,
                        key,
                        options={"range": (start, min(start + window, size)), "if_match": meta["e_tag"]},
                    )
                    yield bytes(await result.bytes_async())
            except FileNotFoundError as error:
                raise ObjectAbsent(key) from error

    async def _delete_all(self, keys: Sequence[str]) -> int:
        if not keys:
            return 0
        with _failures("delete", keys[0]):
            try:
                await obstore.delete_async(self._store, keys)
            except FileNotFoundError:
                # A local folder stops the batch at a key that somebody else removed meanwhile.
                for key in keys:
                    await self.delete(key)
        return len(keys)


def _sync_to_disk(folder: Path, key: str) -> None:
    path = folder / key
    below = len(Path(key).parts)
    for each in (path, *list(path.parents)[:below]):  # the file and each folder on the way, which may be new
        # Whoever removed it meanwhile needs no sync.
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _info(meta: "obstore.ObjectMeta") -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"].astimezone(UTC))


def _cause(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


@contextlib.contextmanager
def _failures(operation: str, key: str) -> Iterator[None]:
    """Turn the client's errors into ours; callers are told less than the log."""
    try:
        yield
    except (BaseError, OSError) as error:
        _log.warning("object store failed", operation=operation, key=key, cause=_cause(error))
        raise StorageUnavailable from error
