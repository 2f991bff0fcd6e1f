"""What batches promise in Postgres: all rows or none, one job for each, and quotas for all of them together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from render_service.db.batches import batches as batches_module
from render_service.db.batches import removal
from render_service.db.batches.batches import Batches, BatchRequestIdReused
from render_service.db.batches.staging import RowStage
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.jobs import Jobs
from render_service.db.uncancellable_connection import UncancellableConnection
from render_service.db.workspace_tables import workspace_fonts
from render_service.domain.access.audit import Origin
from render_service.domain.access.quota import Quotas
from render_service.domain.batches.batch import Batch, BatchState, NewBatch, RowState
from render_service.domain.brand.fonts import PinnedFont
from render_service.domain.errors import DomainError
from render_service.domain.jobs.job import ProviderName, RenderSpec
from render_service.storage.keys import font_key
from tests.records import SPEC, job_request, lifecycle_of

ORIGIN = Origin("key:test", "test", "ipv4:127.0.0.1:1", None)
NO_QUOTAS = Quotas()


class DeletedFonts:
    """Uploaded fonts that were deleted long ago."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ids: list[UUID] = []

    async def add(self) -> RenderSpec:
        """Add a font, and return a render that draws with it."""
        font_id, sha256 = uuid4(), "ab" * 32
        long_ago = sa.func.now() - timedelta(days=1)
        values = {"family_key": "acme", "min_weight": 400, "max_weight": 400, "italic": False, "facts": {}}
        row = values | {"id": font_id, "workspace_id": "team", "sha256": sha256, "size_bytes": 1}
        async with self._database.single() as connection:
            await connection.execute(sa.insert(workspace_fonts).values(row | {"deleted_at": long_ago}))
        self.ids.append(font_id)
        return replace(SPEC, fonts=(PinnedFont(sha256, font_key("team", sha256, font_id)),))

    async def kept(self) -> list[UUID]:
        """Return those whose files are kept."""
        unused = {font.id for font in await Deletions(self._database).unused_fonts()}
        return [font_id for font_id in self.ids if font_id not in unused]


async def store(
    database: Database,
    rows: int,
    *,
    quotas: Quotas = NO_QUOTAS,
    max_running: int | None = None,
    request_id: UUID | None = None,
    body: bytes = b"body",
    workspace: str = "team",
    specs: Sequence[RenderSpec] = (),
) -> Batch:
    """Store a batch as StartBatch does."""
    batches = Batches(database)
    batch = NewBatch(uuid4(), workspace, request_id, body, None, "Test", max_running)
    stage = RowStage(batches, batch)
    for row in range(rows):
        spec = specs[row] if specs else SPEC
        await stage.add(row, f"row-{row}", job_request(workspace=workspace, spec=spec))
    await stage.flush()
    return await batches.accept(batch, rows, quotas=quotas, origin=ORIGIN)


async def count(database: Database, query: str) -> int:
    async with database.single() as connection:
        return int(await connection.scalar(sa.text(f"SELECT count(*) FROM {query}")))


async def test_servers_that_go_on_with_a_batch_together_make_one_job_of_each_row(database: Database) -> None:
    batches = Batches(database)
    batch = await store(database, 350)

    async def run() -> int:
        changed = 0
        while batch.id in await batches.ready():
            changed += len((await batches.step(batch.id)).events)
        return changed

    assert sum(await asyncio.gather(*(run() for _ in range(4)))) == 350
    assert (
        await count(database, "jobs") == await count(database, "(SELECT DISTINCT batch_row FROM jobs) AS rows") == 350
    )
    assert await count(database, "job_events") == 350
    assert (await batches.get("team", batch.id)).counts == {RowState.PENDING: 350}


async def test_a_limit_holds_however_many_servers_go_on_with_a_batch(database: Database) -> None:
    batches = Batches(database)
    batch = await store(database, 30, max_running=7)
    await asyncio.gather(*(batches.step(batch.id) for _ in range(6)))
    assert await count(database, "jobs") == 7
    assert batch.id not in await batches.ready()


@pytest.mark.parametrize("same", [True, False])
async def test_of_requests_with_one_id_that_are_checked_together_one_makes_a_batch(
    database: Database, same: bool
) -> None:
    request_id = uuid4()
    bodies = [b"body"] * 3 if same else [b"one", b"two", b"three"]
    outcomes = await asyncio.gather(
        *(store(database, 3, request_id=request_id, body=body) for body in bodies), return_exceptions=True
    )
    stored = {outcome.id for outcome in outcomes if isinstance(outcome, Batch)}
    assert len(stored) == 1
    if not same:
        assert sum(isinstance(outcome, BatchRequestIdReused) for outcome in outcomes) == 2
    assert await count(database, "batches WHERE accepted_at IS NOT NULL") == 1
    assert await count(database, "batch_rows JOIN batches ON id = batch_id WHERE accepted_at IS NOT NULL") == 3
    assert await count(database, "audit_log") == 1


async def test_rows_that_wait_count_against_the_queue_and_a_batch_is_admitted_as_a_whole(database: Database) -> None:
    quotas = Quotas(queued_jobs=10)
    await Jobs(database).start(job_request(), quotas=quotas)
    await store(database, 4, quotas=quotas, max_running=1)
    outcomes = await asyncio.gather(*(store(database, 4, quotas=quotas) for _ in range(3)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert len(refused) == 2
    assert refused[0].metadata == {"quota": "queued_jobs", "limit": "10"}
    await store(database, 1, quotas=quotas)
    with pytest.raises(DomainError):
        await store(database, 1, quotas=quotas)
    await store(database, 10, quotas=quotas, workspace="neighbours")


async def test_what_was_stored_of_a_batch_that_was_never_accepted_is_not_seen_and_expires(database: Database) -> None:
    batches = Batches(database)
    stage = RowStage(batches, NewBatch(uuid4(), "team", uuid4(), b"", None, "Test", None))
    await stage.add(0, "", job_request())
    await stage.flush()
    assert await batches.ready() == []
    assert await batches.list("team", after=None, limit=10) == ([], None)
    assert await batches.expire_unaccepted(age=timedelta(hours=1), batch=10) == 0
    assert await batches.expire_unaccepted(age=timedelta(0), batch=10) == 1
    assert await count(database, "batch_rows") == 0


async def test_batches_expire_after_their_jobs_and_count_as_they_ended(database: Database) -> None:
    batches, lifecycle = Batches(database), lifecycle_of(database)
    batch = await store(database, 1)
    await batches.step(batch.id)
    claim = await lifecycle.claim(worker="test", providers=list(ProviderName), deadline=timedelta(hours=1))
    assert claim is not None
    await lifecycle.complete(claim.lease, None, None)
    ended = (await batches.step(batch.id)).ended
    assert ended is not None
    assert (ended.state, ended.counts) == (BatchState.COMPLETED, {RowState.COMPLETED: 1})
    assert await batches.expire(age=timedelta(0), batch=10) == 0
    async with database.single() as connection:
        await connection.execute(sa.text("DELETE FROM jobs"))
    assert (await batches.get("team", batch.id)).counts == {RowState.COMPLETED: 1}
    assert await batches.expire(age=timedelta(hours=1), batch=10) == 0
    assert await batches.expire(age=timedelta(0), batch=10) == 1
    assert await count(database, "batch_rows") == 0


async def test_a_job_that_is_deleted_before_the_batch_ends_counts_as_deleted_and_is_not_retried(
    database: Database,
) -> None:
    batches = Batches(database)
    batch = await store(database, 2, max_running=1)
    await batches.step(batch.id)
    async with database.single() as connection:
        await connection.execute(sa.text("DELETE FROM jobs"))
    await batches.step(batch.id)
    found = await batches.get("team", batch.id)
    assert found.counts == {RowState.DELETED: 1, RowState.PENDING: 1}
    assert await batches.retry("team", batch.id, include_cancelled=True, quotas=NO_QUOTAS, origin=ORIGIN) == 0


async def end_jobs(database: Database, status: str) -> None:
    async with database.single() as connection:
        await connection.execute(
            sa.text("UPDATE jobs SET status = :status, finished_at = now() WHERE finished_at IS NULL"),
            {"status": status},
        )


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
async def test_rows_that_a_retry_may_start_keep_the_files_of_their_fonts(database: Database, status: str) -> None:
    batches, fonts = Batches(database), DeletedFonts(database)
    specs = [await fonts.add(), await fonts.add()]
    await fonts.add()
    batch = await store(database, 2, max_running=1, specs=specs)
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE batches SET created_at = now() - interval '2 days'"))
    await batches.step(batch.id)
    assert await fonts.kept() == fonts.ids, "a batch that runs keeps all fonts of its workspace"
    # The first row has a job, and the second never gets one.
    await batches.cancel("team", batch.id, origin=ORIGIN)
    await end_jobs(database, status)
    while (await batches.step(batch.id)).ended is None:
        pass
    assert await fonts.kept() == fonts.ids[:2]
    assert await batches.retry("team", batch.id, include_cancelled=True, quotas=NO_QUOTAS, origin=ORIGIN) == 2
    for _ in range(2):
        await batches.step(batch.id)
        assert set(fonts.ids[:2]) <= set(await fonts.kept())
        await end_jobs(database, "COMPLETED")
    assert (await batches.step(batch.id)).ended is not None
    assert await fonts.kept() == []


async def test_a_batch_that_is_cancelled_while_it_is_retried_gets_no_more_jobs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "_RETRY_CHUNK", 2)
    batches = Batches(database)
    batch = await store(database, 5)
    await batches.step(batch.id)
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE jobs SET status = 'FAILED', finished_at = now()"))
    assert (await batches.step(batch.id)).ended is not None
    transaction, opened = database.transaction, 0

    @asynccontextmanager
    async def cancelled_after_the_first() -> AsyncIterator[UncancellableConnection]:
        nonlocal opened
        opened += 1
        if opened == 2:
            monkeypatch.setattr(database, "transaction", transaction)
            await batches.cancel("team", batch.id, origin=ORIGIN)
        async with transaction() as connection:
            yield connection

    monkeypatch.setattr(database, "transaction", cancelled_after_the_first)
    assert await batches.retry("team", batch.id, include_cancelled=False, quotas=NO_QUOTAS, origin=ORIGIN) == 2
    found = await batches.get("team", batch.id)
    assert found.cancel_requested
    assert found.counts == {RowState.FAILED: 3, RowState.CANCELLED: 2}
    ended = (await batches.step(batch.id)).ended
    assert ended is not None
    assert ended.counts == found.counts


async def test_rows_are_started_and_retried_in_transactions_of_a_bounded_size(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Batches(database)
    batch = await store(database, 10)
    async with database.single() as connection:
        size = await connection.scalar(sa.text("SELECT max(octet_length(job::text)) FROM batch_rows"))
        sizes = (await connection.execute(sa.text("SELECT bytes FROM batch_rows"))).scalars().all()
        assert all(0.8 * size < stored <= size for stored in sizes), "JSONB adds spaces"
        monkeypatch.setattr(batches_module, "_MOST_BYTES", 3 * max(sizes))
        await connection.execute(sa.text("UPDATE batch_rows SET bytes = 9 * bytes WHERE row = 4"))
    started = []
    while (step := await batches.step(batch.id)).changed:
        started.append(step.changed)
    assert started == [3, 1, 1, 3, 2], "row 4 alone, because it is too large for any"
    async with database.single() as connection:
        await connection.execute(sa.text("UPDATE jobs SET status = 'FAILED', finished_at = now()"))
    transactions = Mock(wraps=database.transaction)
    monkeypatch.setattr(database, "transaction", transactions)
    assert await batches.retry("team", batch.id, include_cancelled=False, quotas=NO_QUOTAS, origin=ORIGIN) == 10
    assert transactions.call_count == 6, "the last one finds nothing"
    assert (await batches.step(batch.id)).changed == 3


async def test_batches_of_many_in_one_workspace_leave_other_workspaces_their_turn(database: Database) -> None:
    batches = Batches(database)
    owner = {(await store(database, 1, workspace="many")).id: "many" for _ in range(12)}
    async with database.single() as connection:
        await connection.execute(
            sa.text("""
                INSERT INTO batches (id, workspace_id, title, rows, created_at, accepted_at)
                SELECT gen_random_uuid(), 'many', '', 0, now() - number * interval '1 hour', now()
                FROM generate_series(1, 100) AS number
            """)
        )
    for workspace in ("one", "two"):
        for _ in range(2):
            owner[(await store(database, 1, workspace=workspace)).id] = workspace
    ready = [owner.get(batch, "many") for batch in await batches.ready()]
    assert [sorted(ready[:3]), sorted(ready[3:6])] == [["many", "one", "two"]] * 2
    assert ready[6:] == ["many"] * 8
    oldest = (await batches.ready(without=[]))[0]
    assert oldest not in await batches.ready(without=[oldest])


async def test_an_expired_batch_is_deleted_in_parts_and_not_seen_once_the_first_is_gone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "_CHUNK", 2)
    batches = Batches(database)
    batch = await store(database, 5)
    await batches.cancel("team", batch.id, origin=ORIGIN)
    assert (await batches.step(batch.id)).ended is not None
    single = database.single
    statements = Mock(side_effect=[single(), single(), DatabaseUnavailable])
    monkeypatch.setattr(database, "single", statements)
    with pytest.raises(DatabaseUnavailable):
        await batches.expire(age=timedelta(0), batch=10)
    monkeypatch.setattr(database, "single", single)
    assert await count(database, "batch_rows") == 3
    with pytest.raises(DomainError, match="no such batch"):
        await batches.retry("team", batch.id, include_cancelled=True, quotas=NO_QUOTAS, origin=ORIGIN)
    assert await batches.expire(age=timedelta(0), batch=10) == 1
    assert await count(database, "batch_rows") == await count(database, "batches") == 0


async def test_a_neighbour_waits_for_no_more_of_a_batch_than_the_jobs_that_run(database: Database) -> None:
    batches, lifecycle = Batches(database), lifecycle_of(database)
    batch = await store(database, 250)
    while (await batches.step(batch.id)).changed:
        pass
    running = [await lifecycle.claim(worker="w", providers=list(ProviderName), deadline=timedelta(1)) for _ in range(2)]
    neighbour, _ = await Jobs(database).start(job_request(workspace="neighbours"))
    assert {claim.lease.workspace_id for claim in running if claim is not None} == {"team"}
    claim = await lifecycle.claim(worker="w", providers=list(ProviderName), deadline=timedelta(1))
    assert claim is not None
    assert claim.lease.job_id == neighbour.id


async def test_jobs_of_a_batch_are_due_and_listed_in_the_order_of_rows(database: Database) -> None:
    batches = Batches(database)
    batch = await store(database, 103)
    while (await batches.step(batch.id)).changed:
        pass
    async with database.single() as connection:
        for order in ("run_after, id", "created_at, id"):
            rows = await connection.execute(sa.text(f"SELECT batch_row FROM jobs ORDER BY {order}"))
            assert rows.scalars().all() == list(range(103))
        assert await connection.scalar(sa.text("SELECT count(*) FROM jobs WHERE run_after > now()")) == 0
