"""Caches mixed sound and its stems in the segment store: like a segment, they are pure functions of its spec."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.sound.spec import SoundFacts, stem_file
from render_service.domain.jobs.job import AudioTrackKind


class SoundCache:
    """The place of one mix in the store.

    Args:
        store: None caches nothing.
        spec: What the sound is made from, in canonical form.
    """

    def __init__(self, store: SegmentStore | None, spec: bytes) -> None:
        self._store = store
        self._key = hashlib.sha256(b"sound " + spec).hexdigest()
        self._spec = spec
        self._facts_key = hashlib.sha256(b"sound facts " + spec).hexdigest()

    async def get(self, path: Path) -> SoundFacts | None:
        """Write the cached sound to a file and return what was measured of it; None where it is not cached."""
        file = path.with_suffix(".json")
        if self._store is None or not await self._store.get(self._facts_key, file):
            return None
        stored = json.loads(file.read_text())
        # JSON has no tuples.
        lists = {"quiet": tuple(stored["quiet"]), "stems": tuple(map(AudioTrackKind, stored["stems"]))}
        facts = SoundFacts(**{**stored, **lists})
        for kind in facts.stems:
            if not await self._store.get(self._stem_key(kind), stem_file(path, kind)):
                return None
        return facts if await self._store.get(self._key, path) else None

    async def put(self, path: Path, facts: SoundFacts) -> None:
        """Cache a sound with its stems."""
        if self._store is None:
            return
        file = path.with_suffix(".json")
        file.write_text(json.dumps(asdict(facts)))
        await self._store.put(self._key, path)
        for kind in facts.stems:
            await self._store.put(self._stem_key(kind), stem_file(path, kind))
        await self._store.put(self._facts_key, file)

    def _stem_key(self, kind: AudioTrackKind) -> str:
        return hashlib.sha256(f"stem {kind} ".encode() + self._spec).hexdigest()
