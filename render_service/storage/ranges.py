"""Reads an object in ranges, and resumes one that breaks off where it broke off."""

import asyncio
from collections.abc import AsyncIterator

import obstore
from obstore.exceptions import (
    BaseError,
    NotModifiedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, S3Store

from render_service.storage.errors import ObjectAbsent
from render_service.storage.keys import check_key

MAX_BARREN = 1
"""How many times in a row a range may break off without a byte before the read fails."""
_FIRST_DELAY_SECONDS = 0.1
_CHUNK_BYTES = 256 * 1024
_PERMANENT = (PreconditionError, NotModifiedError, PermissionDeniedError, UnauthenticatedError)


async def read_ranges(store: LocalStore | S3Store, key: str, offset: int, range_bytes: int) -> AsyncIterator[bytes]:
    """Read an object from an offset to its end.

    Args:
        store: The opened store.
        key: See `check_key`.
        offset: First byte, 0 to the object's size.
        range_bytes: Size of each range but the last, which is one request unless it breaks off; > 0.

    Yields:
        The ranges, each whole.

    Raises:
        ObjectAbsent: There is no such object.
        ValueError: `offset` lies beyond the end.
        BaseError, OSError: The store failed, or the object was replaced meanwhile.
    """
    try:
        meta = await obstore.head_async(store, check_key(key))
        size = meta["size"]
        if not 0 <= offset <= size:
            raise ValueError(f"offset {offset} is not in an object of {size} bytes")
        for start in range(offset, size, range_bytes):
            yield await _read_range(store, key, start, min(start + range_bytes, size), meta["e_tag"])
    except FileNotFoundError as error:
        raise ObjectAbsent(key) from error


async def _read_range(store: LocalStore | S3Store, key: str, start: int, end: int, e_tag: str | None) -> bytes:
    """Read one range; the client library resumes only a few times by itself, however far it came."""
    received = bytearray()
    barren = 0
    while len(received) < end - start:
        before = len(received)
        try:
            result = await obstore.get_async(store, key, options={"range": (start + before, end), "if_match": e_tag})
            async for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
                received += chunk
        except _PERMANENT:
            raise
        except BaseError:
            barren = barren + 1 if len(received) == before else 0
            if barren > MAX_BARREN:
                raise
            await asyncio.sleep(_FIRST_DELAY_SECONDS * 2**barren)
    return bytes(received)
