"""Finds orphaned objects, which no row refers to, and files that are missing from the store."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_objects import JobObjects
from render_service.storage.keys import SIGNED_FOLDER
from render_service.storage.store import ObjectInfo, ObjectStore

_VIDEO = re.compile(r"videos/([a-z0-9_-]+)/([0-9a-f-]{36})/\d+/(?:[^/]+/)?[^/]+")
_ASSET = re.compile(r"assets/([a-z0-9_-]+)/([0-9a-f-]{36})/\d+/(?:[^/]+/)?[^/]+")
_BATCH = 500
_LISTED = 100
GRACE = timedelta(hours=1)
"""Younger objects may be about to be recorded."""


@dataclass(slots=True)
class SweepReport:
    """The result of a sweep.

    Args:
        objects: Objects examined.
        orphans: Objects that no row refers to.
        orphan_bytes: Their total size.
        missing: Files of completed videos that are missing from the store.
        orphan_keys: The first 100 orphans.
        missing_keys: The first 100 missing files.
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


async def sweep(
    deletions: Deletions, objects: JobObjects, store: ObjectStore, *, delete: bool, grace: timedelta = GRACE
) -> SweepReport:
    """Examine every object, and every file that a completed video should have.

    Args:
        deletions: Knows which files of jobs, which clips and which fonts are kept.
        objects: Knows which shared objects jobs use.
        store: The object store.
        delete: Whether to delete orphans.
        grace: Objects younger than this are skipped.

    Returns:
        What was found; with `delete`, the orphans are gone.

    Raises:
        DatabaseUnavailable, StorageUnavailable: a store is unavailable; sweep again.
    """
    report = SweepReport()
    before = datetime.now(UTC) - grace
    for prefix, pattern in (("videos", _VIDEO), ("assets", _ASSET)):
        async for batch in _batches(store, prefix):
            matches = {info.key: pattern.fullmatch(info.key) for info in batch}
            jobs = await deletions.kept([UUID(match[2]) for match in matches.values() if match])
            for info in batch:
                match = matches[info.key]
                job = jobs.get(UUID(match[2])) if match else None
                wanted = (
                    match is not None
                    and job is not None
                    and job.workspace_id == match[1]
                    and (not job.ended or info.key in job.keys or f"/{SIGNED_FOLDER}/" in info.key)
                )
                await _judge(store, info, report, wanted=wanted or info.updated > before, delete=delete)
    shared = (
        ("clips", deletions.clips_in_use),
        ("segments", objects.in_use),
        ("fonts", deletions.fonts_in_use),
    )
    for prefix, in_use in shared:
        await _sweep_shared(store, prefix, in_use, report, before=before, delete=delete)
    async for batch in _batches(store, "checks"):
        for info in batch:
            await _judge(store, info, report, wanted=info.updated > before, delete=delete)
    await _find_missing(deletions, store, report)
    return report


async def _sweep_shared(
    store: ObjectStore,
    prefix: str,
    in_use: Callable[[Sequence[str]], Awaitable[frozenset[str]]],
    report: SweepReport,
    *,
    before: datetime,
    delete: bool,
) -> None:
    async for batch in _batches(store, prefix):
        used = await in_use([info.key for info in batch])
        for info in batch:
            await _judge(store, info, report, wanted=info.key in used or info.updated > before, delete=delete)


async def _judge(store: ObjectStore, info: ObjectInfo, report: SweepReport, *, wanted: bool, delete: bool) -> None:
    report.objects += 1
    if wanted:
        return
    report.note_orphan(info)
    if delete:
        await store.delete(info.key)


async def _find_missing(deletions: Deletions, store: ObjectStore, report: SweepReport) -> None:
    after = UUID(int=0)
    while page := await deletions.completed_jobs(after=after, batch=_BATCH):
        for job_id, job in page.items():
            after = job_id
            for key in sorted(job.keys):
                # A job deleted meanwhile is not missing its file.
                if await store.head(key) is None and key in (await _keys_now(deletions, job_id)):
                    report.note_missing(key)


async def _keys_now(deletions: Deletions, job_id: UUID) -> frozenset[str]:
    job = (await deletions.kept([job_id])).get(job_id)
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
