"""Caches mixed sound in the segment store: like a segment, it is a pure function of its spec."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.sound.spec import SoundFacts


class SoundCache:
    """The place of one mix in the store.

    Args:
        store: None caches nothing.
        spec: What the sound is made from, in canonical form.
    """

    def __init__(self, store: SegmentStore | None, spec: bytes) -> None:
        self._store = store
        self._key = hashlib.sha256(b"sound " + spec).hexdigest()
        self._facts_key = hashlib.sha256(b"sound facts " + spec).hexdigest()

    async def get(self, path: Path) -> SoundFacts | None:
        """Write the cached sound to a file and return what was measured of it; None where it is not cached."""
        facts = path.with_suffix(".json")
        if self._store is None or not await self._store.get(self._facts_key, facts):
            return None
        if not await self._store.get(self._key, path):
            return None
        return SoundFacts(**json.loads(facts.read_text()))

    async def put(self, path: Path, facts: SoundFacts) -> None:
        """Cache a sound."""
        if self._store is None:
            return
        file = path.with_suffix(".json")
        file.write_text(json.dumps(asdict(facts)))
        await self._store.put(self._key, path)
        await self._store.put(self._facts_key, file)
