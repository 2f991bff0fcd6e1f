"""Checks that an object store can be written, read and deleted, and says in plain words why not."""

import asyncio
import uuid
from collections.abc import Mapping

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from render_service.storage.errors import StorageUnavailable, first_line

TIMEOUT_SECONDS = 10.0


async def self_test(store: LocalStore | S3Store, name: str, attributes: Mapping[str, str] | None) -> None:
    """Write, read and delete one object.

    Args:
        store: The opened store.
        name: How to name it to an operator, such as `S3 bucket films`.
        attributes: What to store with the object, where the store keeps attributes.

    Raises:
        StorageUnavailable: One of these failed; the message names the cause for operators.
    """
    key = f"checks/{uuid.uuid4()}"
    written = key.encode()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await obstore.put_async(store, key, written, attributes=dict(attributes) if attributes else None)
            read = await (await obstore.get_async(store, key)).bytes_async()
            await obstore.delete_async(store, key)
    except TimeoutError as error:
        raise StorageUnavailable(f"{name} did not answer within {TIMEOUT_SECONDS:.0f} s.") from error
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise StorageUnavailable(f"{name} refuses these credentials or rights.") from error
    except FileNotFoundError as error:
        raise StorageUnavailable(f"{name} does not exist; create it first.") from error
    except (BaseError, OSError) as error:
        raise StorageUnavailable(f"{name} cannot be used: {first_line(error)}") from error
    if bytes(read) != written:
        raise StorageUnavailable(f"{name} returned other bytes than were written.")
