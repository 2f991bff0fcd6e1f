"""Objects for tests, without files to make first."""

import tempfile
from pathlib import Path

from render_service.storage.store import ObjectStore


async def put_object(store: ObjectStore, key: str, data: bytes, *, content_type: str) -> None:
    """Store bytes under a key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "object")
        path.write_bytes(data)
        await store.put_file(key, path, content_type=content_type)
