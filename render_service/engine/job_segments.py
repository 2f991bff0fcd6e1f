"""A job's segments and sound: cached in the object store, and recorded so that they are deleted with their jobs."""

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from render_service.storage import keys
from render_service.storage.store import ObjectStore

Record = Callable[[Collection[str]], Awaitable[None]]
"""Records that a job uses objects, by their keys."""


class JobSegments:
    """A `compositor.segments.ports.SegmentStore` for one attempt at a job. Workspaces are isolated.

    Every object is recorded before it is stored, so that none is stored that no job refers to. Objects that were found
    are recorded by `close`, together: if the process dies first, the jobs that stored them still refer to them.

    Args:
        store: The object store.
        workspace_id: The job's workspace.
        record: Records what the job uses.
    """

    def __init__(self, store: ObjectStore, workspace_id: str, record: Record) -> None:
        self._store = store
        self._workspace_id = workspace_id
        self._record = record
        self._found: set[str] = set()
        self._recorded: set[str] = set()

    async def get(self, key: str, path: Path) -> bool:
        """Fetch a segment into a file; return whether there is one. If not, it may be stored from now on."""
        object_key = self.object_key(key)
        if await self._store.fetch_to(object_key, path):
            self._found.add(object_key)
            return True
        await self.use([object_key])
        return False

    async def put(self, key: str, path: Path) -> None:
        """Store a segment."""
        object_key = self.object_key(key)
        await self.use([object_key])
        await self._store.put_file(object_key, path, content_type="video/mp4")

    def object_key(self, key: str) -> str:
        """Return the key of a segment in the object store."""
        return keys.segment_key(self._workspace_id, key)

    async def use(self, object_keys: Collection[str]) -> None:
        """Record that the job uses objects."""
        new = [key for key in object_keys if key not in self._recorded]
        if new:
            await self._record(new)
            self._recorded.update(new)

    async def close(self) -> None:
        """Record the cached objects that were used."""
        await self.use(sorted(self._found))
