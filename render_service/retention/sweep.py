"""Finds objects that nothing leads to any more, and files that should be there and are not."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from render_service.db.jobs.deletions import Deletions
from render_service.storage.store import ObjectInfo, ObjectStore

_VIDEO = re.compile(r"videos/([a-z0-9_-]+)/([0-9a-f-]{36})/\d+/[^/]+")
_BATCH = 500
_LISTED = 100
GRACE = timedelta(hours=1)
"""What is younger may be about to be recorded."""


@dataclass(slots=True)
class SweepReport:
    """What a sweep found.

    Args:
        objects: All objects looked at: videos and clips. Segments and assets may be lost at any time; they expire.
        orphans: Objects that nothing leads to.
        orphan_bytes: Their size.
        missing: Files of finished videos that the store does not have.
        orphan_keys: The first of the orphans.
        missing_keys: The first of the missing.
    """

    objects: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    missing: int = 0
    orphan_keys: list[str] = field(default_factory=list)
    missing_keys: list[str] = field(default_factory=list)

    def note_orphan(self, info: ObjectInfo) -> None:
        """Count an orphan."""
        self.orphans += 1
        self.orphan_bytes += info.size_bytes
        if len(self.orphan_keys) < _LISTED:
            self.orphan_keys.append(info.key)

    def note_missing(self, key: str) -> None:
        """Count a missing file."""
        self.missing += 1
        if len(self.missing_keys) < _LISTED:
            self.missing_keys.append(key)


async def sweep(removals: Deletions, store: ObjectStore, *, delete: bool, grace: timedelta = GRACE) -> SweepReport:
    """Look at every object of jobs and of clips, and at every file that a finished video should have.

    Args:
        removals: Knows what is kept.
        store: Where the objects are.
        delete: Whether to remove what nothing leads to.
        grace: Objects younger than this are let be.

    Returns:
        What was found; orphans are gone where `delete` says so.

    Raises:
        DatabaseUnavailable, StorageUnavailable: a store is away; sweep again.
    """
    report = SweepReport()
    before = datetime.now(UTC) - grace
    async for batch in _batches(store, "videos"):
        matches = {info.key: _VIDEO.fullmatch(info.key) for info in batch}
        jobs = await removals.kept([UUID(match[2]) for match in matches.values() if match])
        for info in batch:
            match = matches[info.key]
            job = jobs.get(UUID(match[2])) if match else None
            wanted = (
                match is not None
                and job is not None
                and job.workspace_id == match[1]
                and (not job.ended or info.key in job.keys)
            )
            await _judge(store, info, report, wanted=wanted or info.updated > before, delete=delete)
    async for batch in _batches(store, "clips"):
        used = await removals.clips_in_use([info.key for info in batch])
        for info in batch:
            await _judge(store, info, report, wanted=info.key in used or info.updated > before, delete=delete)
    async for batch in _batches(store, "checks"):
        for info in batch:
            await _judge(store, info, report, wanted=info.updated > before, delete=delete)
    await _look_for_missing(removals, store, report)
    return report


async def _judge(store: ObjectStore, info: ObjectInfo, report: SweepReport, *, wanted: bool, delete: bool) -> None:
    report.objects += 1
    if wanted:
        return
    report.note_orphan(info)
    if delete:
        await store.delete(info.key)


async def _look_for_missing(removals: Deletions, store: ObjectStore, report: SweepReport) -> None:
    after = UUID(int=0)
    while page := await removals.completed_jobs(after=after, batch=_BATCH):
        for job_id, job in page.items():
            after = job_id
            for key in sorted(job.keys):
                # Deleted meanwhile is not missing.
                if await store.head(key) is None and key in (await _keys_now(removals, job_id)):
                    report.note_missing(key)


async def _keys_now(removals: Deletions, job_id: UUID) -> frozenset[str]:
    job = (await removals.kept([job_id])).get(job_id)
    return job.keys if job is not None else frozenset()


async def _batches(store: ObjectStore, prefix: str) -> AsyncIterator[list[ObjectInfo]]:
    batch: list[ObjectInfo] = []
    async for info in store.list(prefix):
        batch.append(info)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
