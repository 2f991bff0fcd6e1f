"""A deleted job leaves nothing in the object store but what other jobs of its workspace use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_lifecycle import LeaseLost
from render_service.db.jobs.job_objects import JobObjects
from render_service.db.jobs.jobs import Jobs
from render_service.domain.jobs.job import JobStatus, RenderSpec
from render_service.domain.projects.project import Project, Shot
from render_service.providers.local import LocalProvider
from render_service.retention.remover import Remover
from render_service.retention.sweep import sweep
from render_service.storage.keys import clip_key
from tests.integration.engine.harness import Engine, engine_with
from tests.objects import put_object
from tests.records import SPEC, claim_next, job_request, lifecycle_of, start_job

ONE = SPEC
OTHER = replace(SPEC, project=Project(title="Test", shots=(Shot("two", caption="Two", duration=timedelta(seconds=1)),)))


@asynccontextmanager
async def rendering(database: Database, folder: Path) -> AsyncIterator[Engine]:
    """A worker that renders."""
    async with engine_with(database, folder, LocalProvider()) as engine:
        await engine.compositor.start()
        yield engine
        await engine.compositor.close()


async def rendered(engine: Engine, database: Database, workspace: str, spec: RenderSpec = ONE) -> UUID:
    """Render a job."""
    job = await start_job(database, replace(job_request(workspace=workspace), spec=spec))
    await engine.runner.run_next()
    job = await Jobs(database).get(workspace, job.id)
    assert job.status is JobStatus.COMPLETED, job.error
    return job.id


async def test_deleting_a_job_removes_what_no_other_job_of_its_workspace_uses(
    database: Database, tmp_path: Path
) -> None:
    async with rendering(database, tmp_path) as engine:
        remover = Remover(Deletions(database), JobObjects(database), engine.store)
        first = await rendered(engine, database, "team", ONE)
        segments = {key for key in await engine.objects() if key.startswith("segments/team/")}
        again = await rendered(engine, database, "team", ONE)
        other = await rendered(engine, database, "team", OTHER)
        stranger = await rendered(engine, database, "others", ONE)
        everything = set(await engine.objects())
        of_stranger = {key for key in everything if key.split("/")[1] == "others"}
        of_other = {key for key in everything if key.startswith("segments/team/")} - segments
        assert len(segments) == len(of_other) == 3, "a segment, and the sound in two objects"
        assert sum(key.startswith("segments/") for key in of_stranger) == 3, "workspaces share no segments"

        async def delete(job_id: UUID, workspace: str = "team") -> set[str]:
            """Return what is left of shared objects."""
            await Deletions(database).delete_job(workspace, job_id)
            await remover.remove()
            left = set(await engine.objects())
            assert not any(str(job_id) in key for key in left)
            assert left >= of_stranger
            return {key for key in left - of_stranger if not key.startswith("videos/")}

        assert await delete(first) == segments | of_other
        assert await delete(again) == of_other
        assert await delete(other) == set()
        assert set(await engine.objects()) == of_stranger
        report = await sweep(Deletions(database), JobObjects(database), engine.store, delete=False, grace=timedelta(0))
        assert (report.orphans, report.missing) == (0, 0)
        of_stranger = set()
        await delete(stranger, "others")
        assert await engine.objects() == []
    async with database.single() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM job_objects")) == 0


async def test_a_removal_that_was_interrupted_is_repeated_to_its_end(database: Database, tmp_path: Path) -> None:
    async with rendering(database, tmp_path) as engine:
        job_id = await rendered(engine, database, "team")
        await Deletions(database).delete_job("team", job_id)
        objects = JobObjects(database)
        released = set(await objects.release(job_id))
        assert (
            released
            == set(await objects.release(job_id))
            == {key for key in await engine.objects() if key.startswith("segments/")}
        )
        await Remover(Deletions(database), objects, engine.store).remove()
        assert await engine.objects() == []


async def test_clips_of_deleted_jobs_go_unless_another_job_uses_them(database: Database, tmp_path: Path) -> None:
    async with rendering(database, tmp_path) as engine:
        objects, deletions = JobObjects(database), Deletions(database)
        lifecycle = lifecycle_of(database)
        shared, own = clip_key("team", "ab" * 32), clip_key("team", "cd" * 32)
        maker = await start_job(database)
        lease = (await claim_next(lifecycle)).lease
        for key in (shared, own):
            await put_object(engine.store, key, b"clip", content_type="video/mp4")
            # As the ledger has it when the worker dies before it could refer to the clip.
            async with database.single() as connection:
                await connection.execute(
                    sa.text(
                        "INSERT INTO provider_tasks (id, workspace_id, key, job_id, shot_id, provider, model, state,"
                        " clip_key, external_id) VALUES (:id, 'team', :task, :job, 's', 'runway', 'm', 'SUCCEEDED',"
                        " :key, 'x')"
                    ),
                    {"id": uuid4(), "task": key.encode(), "job": maker.id, "key": key},
                )
        user = await start_job(database)
        await lifecycle.complete(lease, None, None)
        user_lease = (await claim_next(lifecycle)).lease
        assert user_lease.job_id == user.id
        await objects.add(user_lease, [shared])
        await lifecycle.complete(user_lease, None, None)

        remover = Remover(deletions, objects, engine.store)
        await deletions.delete_job("team", maker.id)
        await remover.remove()
        assert await engine.objects() == [shared]
        assert await deletions.clips_in_use([shared, own]) == {shared}
        await deletions.delete_job("team", user.id)
        await remover.remove()
        assert await engine.objects() == []
        assert await deletions.clips_in_use([shared, own]) == frozenset()


async def test_nothing_is_recorded_for_a_job_whose_lease_is_lost(database: Database) -> None:
    await start_job(database)
    lifecycle = lifecycle_of(database)
    lease = (await claim_next(lifecycle)).lease
    with pytest.raises(LeaseLost):
        await JobObjects(database).add(replace(lease, token=uuid4()), ["segments/team/ab/x.mp4"])
    assert await JobObjects(database).in_use(["segments/team/ab/x.mp4"]) == frozenset()
