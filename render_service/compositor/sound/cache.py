"""Remembers mixed sound in the segment store: like a segment, it is a pure function of what it is made from."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from render_service.compositor.segments.build_fingerprint import SOUND_ENTRY, build_fingerprint
from render_service.compositor.segments.content_hashes import MediaHashes, ShotHashes
from render_service.compositor.segments.ports import SegmentStore
from render_service.compositor.sound.mixing import SoundFacts
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.timeline import Timeline


class SoundCache:
    """The place of one mix in the store.

    Args:
        store: None remembers nothing.
        timeline: When everything is heard.
        spec: The render.
        digests: Hashes of its media.
    """

    def __init__(self, store: SegmentStore | None, timeline: Timeline, spec: RenderSpec, digests: MediaHashes) -> None:
        self._store = store
        # Texts and pictures are left out: changing a caption leaves the sound as it is.
        shots = [
            (
                shot.start,
                shot.frames,
                shot.overlap_in,
                shot.overlap_out,
                shot.narration_start,
                shot.narration_frames,
                shot.shot.clip_sound,
                digests.shots.get(shot.shot_id, ShotHashes()).clip,
                digests.shots.get(shot.shot_id, ShotHashes()).narration,
            )
            for shot in timeline.shots
        ]
        project, output = spec.project, spec.output
        parts = (
            build_fingerprint(SOUND_ENTRY),
            timeline.fps,
            timeline.frames,
            shots,
            repr(project.music),
            project.narration_policy,
            digests.music,
            output.container,
            output.quality,
        )
        self._key = hashlib.sha256(f"sound {parts}".encode()).hexdigest()
        self._facts_key = hashlib.sha256(f"sound facts {parts}".encode()).hexdigest()

    async def get(self, path: Path) -> SoundFacts | None:
        """Write the remembered sound to a file and return what was measured of it; None where it is not known."""
        facts = path.with_suffix(".json")
        if self._store is None or not await self._store.get(self._facts_key, facts):
            return None
        if not await self._store.get(self._key, path):
            return None
        return SoundFacts(**json.loads(facts.read_text()))

    async def put(self, path: Path, facts: SoundFacts) -> None:
        """Remember a sound."""
        if self._store is None:
            return
        file = path.with_suffix(".json")
        file.write_text(json.dumps(asdict(facts)))
        await self._store.put(self._key, path)
        await self._store.put(self._facts_key, file)
