"""What is deleted or has expired goes, rows and bytes, however often we crash; and nothing is orphaned."""

import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import AsyncMock
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import grpc
import pytest
import sqlalchemy as sa
from render_client.v1 import project_pb2
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb
from typer.testing import CliRunner

from render_service.cli.main import app
from render_service.config.settings import Settings
from render_service.db.access.audit_log import AuditLog
from render_service.db.batches.batches import Batches
from render_service.db.batches.staging import RowStage
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_objects import JobObjects
from render_service.db.jobs.jobs import Jobs
from render_service.db.jobs.workspace_events import OLDEST, WorkspaceEvents
from render_service.db.projects.projects import Projects
from render_service.domain.access.audit import Origin
from render_service.domain.access.quota import Quotas
from render_service.domain.batches.batch import NewBatch
from render_service.domain.errors import DomainError, ErrorReason
from render_service.domain.jobs.job import Artifact, StoredFile, Video
from render_service.domain.jobs.retention_policy import RetentionPolicy
from render_service.retention.expiry import Expiry
from render_service.retention.remover import Remover
from render_service.retention.sweep import sweep
from render_service.storage.store import ObjectStore
from tests.integration.server.status import refusal
from tests.objects import put_object
from tests.records import PROJECT, job_request, lifecycle_of, start_job
from tests.seaweedfs import S3TestBucket
from tests.serving import Stubs, claim_soon, serving, settings_of

DAY = timedelta(days=1)
NOW = timedelta(0)


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return settings_of(database_url, redis_url, tmp_path, auth="off")


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    return ObjectStore(settings.storage_url)


@pytest.fixture(params=["folder", "s3"])
def either_store(request: pytest.FixtureRequest, store: ObjectStore) -> ObjectStore:
    """One kind of store after the other."""
    if request.param == "folder":
        return store
    bucket: S3TestBucket = request.getfixturevalue("s3")
    return ObjectStore(bucket.url, s3=bucket.options)


@pytest.fixture
async def stubs(settings: Settings) -> AsyncIterator[Stubs]:
    async with serving(settings) as stubs:
        yield stubs


async def finished(database: Database, store: ObjectStore, *, project_id: UUID | None = None) -> UUID:
    """A COMPLETED job with two files, and one that an attempt before it has left."""
    job = await start_job(database, job_request(project_id=project_id))
    lifecycle = lifecycle_of(database)
    held = await claim_soon(lifecycle)
    assert held.lease.job_id == job.id
    files = {}
    for artifact, name in ((Artifact.VIDEO, "video.mp4"), (Artifact.POSTER, "poster.jpg")):
        file = StoredFile(f"videos/team/{job.id}/2/{name}", len(name), "ab" * 32, "video/mp4")
        await put_object(store, file.key, name.encode(), content_type=file.content_type)
        files[artifact] = file
    await put_object(store, f"videos/team/{job.id}/1/video.mp4", b"left", content_type="video/mp4")
    await lifecycle.complete(held.lease, None, Video(files, 2, 2, 1, 1))
    return job.id


async def keys(store: ObjectStore) -> list[str]:
    return sorted([info.key async for info in store.list("")])


async def age_jobs(database: Database, job_id: UUID, age: timedelta) -> None:
    async with database.single() as connection:
        for table, column, name in (
            ("jobs", "finished_at", "id"),
            ("videos", "created_at", "job_id"),
            ("job_events", "created_at", "job_id"),
        ):
            await connection.execute(
                sa.text(f"UPDATE {table} SET {column} = {column} - CAST(:age AS interval) WHERE {name} = :id"),
                {"age": age, "id": job_id},
            )


def expiry(database: Database, store: ObjectStore, retention: RetentionPolicy) -> tuple[Expiry, Remover]:
    remover = Remover(Deletions(database), JobObjects(database), store)
    return Expiry(
        retention,
        Deletions(database),
        AuditLog(database),
        store,
        remover,
        objects=JobObjects(database),
        batches=Batches(database),
    ), remover


async def test_a_deleted_job_is_gone_with_all_its_bytes(stubs: Stubs, database: Database, store: ObjectStore) -> None:
    job_id, other = await finished(database, store), await finished(database, store)
    delete = pb.DeleteJobRequest(workspace_id="team", job_id=str(job_id))
    await stubs.renders.DeleteJob(delete)
    get = pb.GetJobRequest(workspace_id="team", job_id=str(job_id))
    assert (await refusal(stubs.renders.GetJob(get))).reason == "JOB_NOT_FOUND"
    assert (await refusal(stubs.renders.DeleteJob(delete))).reason == "JOB_NOT_FOUND"
    await Remover(Deletions(database), JobObjects(database), store).remove()
    assert all(str(other) in key for key in await keys(store))
    assert len(await keys(store)) == 3
    async with database.single() as connection:
        for table in ("job_events", "videos"):
            assert await connection.scalar(sa.text(f"SELECT count(*) FROM {table} WHERE job_id = '{job_id}'")) == 0
        assert await connection.scalar(sa.text("SELECT count(*) FROM removals")) == 0


async def test_a_job_that_has_not_ended_is_not_deleted(stubs: Stubs, database: Database) -> None:
    job = await start_job(database)
    delete = pb.DeleteJobRequest(workspace_id="team", job_id=str(job.id))
    for status in ("PENDING", "PROCESSING"):
        error = await refusal(stubs.renders.DeleteJob(delete))
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "JOB_NOT_ENDED")
        assert error.metadata == {"job_id": str(job.id), "status": status}
        if status == "PENDING":
            await claim_soon(lifecycle_of(database))
    await Jobs(database).get("team", job.id)


async def test_bytes_follow_their_row_also_when_the_process_died_in_between(
    database: Database, store: ObjectStore
) -> None:
    job_id = await finished(database, store)
    await Deletions(database).delete_job("team", job_id)
    # Whoever deleted it is gone. Another process finds the note.
    assert await Remover(Deletions(database), JobObjects(database), store).remove() == 3
    assert await keys(store) == []


async def test_a_project_is_deleted_with_its_batches_unless_rows_of_one_wait(database: Database) -> None:
    project = await Projects(database).create("team", PROJECT)
    batches, origin = Batches(database), Origin("key:test", "test", "ipv4:127.0.0.1:1", None)

    async def store(project_id: UUID | None) -> UUID:
        batch = NewBatch(uuid4(), "team", None, b"", project_id, "T", 1)
        stage = RowStage(batches, batch)
        for row in range(2):
            await stage.add(row, "", job_request(project_id=project_id))
        await stage.flush()
        return (await batches.accept(batch, 2, quotas=Quotas(), origin=origin)).id

    unrelated, batch_id = await store(None), await store(project.id)
    with pytest.raises(DomainError) as refused:
        await Deletions(database).delete_project("team", project.id)
    assert refused.value.reason is ErrorReason.JOB_NOT_ENDED
    assert refused.value.metadata == {"batch_id": str(batch_id), "status": "WAITING"}
    started = (await batches.step(batch_id)).events
    await batches.cancel("team", batch_id, origin=origin)
    with pytest.raises(DomainError) as refused:
        await Deletions(database).delete_project("team", project.id)
    assert refused.value.metadata == {"job_id": str(started[0].job_id), "status": "PENDING"}
    await batches.step(batch_id)

    assert await Deletions(database).delete_project("team", project.id)
    with pytest.raises(DomainError, match="no such batch"):
        await batches.get("team", batch_id)
    async with database.single() as connection:
        assert set((await connection.execute(sa.text("SELECT batch_id FROM batch_rows"))).scalars()) == {unrelated}


async def test_a_project_is_deleted_with_its_jobs_or_not_at_all(
    stubs: Stubs, database: Database, store: ObjectStore
) -> None:
    created = await stubs.projects.CreateProject(
        projects_pb.CreateProjectRequest(workspace_id="team", project=project_pb2.Project(title="T"))
    )
    project_id = created.project.project_id
    done = await finished(database, store, project_id=UUID(project_id))
    unrelated = await finished(database, store)
    waiting = await start_job(database, job_request(project_id=UUID(project_id)))
    delete = projects_pb.DeleteProjectRequest(workspace_id="team", project_id=project_id, delete_jobs=True)

    error = await refusal(stubs.projects.DeleteProject(delete))
    assert (error.reason, error.metadata["job_id"]) == ("JOB_NOT_ENDED", str(waiting.id))
    await Jobs(database).get("team", done)
    await lifecycle_of(database).cancel("team", waiting.id)

    await stubs.projects.DeleteProject(delete)
    assert (await refusal(stubs.projects.DeleteProject(delete))).reason == "PROJECT_NOT_FOUND"
    for job_id in (done, waiting.id):
        get = pb.GetJobRequest(workspace_id="team", job_id=str(job_id))
        assert (await refusal(stubs.renders.GetJob(get))).reason == "JOB_NOT_FOUND"
    await Remover(Deletions(database), JobObjects(database), store).remove()
    assert all(str(unrelated) in key for key in await keys(store))


async def test_old_jobs_expire_with_their_bytes_and_older_cursors_are_refused(
    database: Database, store: ObjectStore
) -> None:
    events = WorkspaceEvents(database)
    old, young = await finished(database, store), await finished(database, store)
    await age_jobs(database, old, 31 * DAY)
    waiting = await start_job(database)
    assert await events.horizon("team") == OLDEST
    task, remover = expiry(database, store, RetentionPolicy(jobs=30 * DAY))
    assert (await task.expire())["jobs"] == 1
    await remover.remove()
    assert await events.horizon("team") > OLDEST
    for job_id in (young, waiting.id):
        await Jobs(database).get("team", job_id)
    assert all(str(young) in key for key in await keys(store))


async def test_old_videos_expire_and_their_jobs_stay(stubs: Stubs, database: Database, store: ObjectStore) -> None:
    job_id = await finished(database, store)
    await age_jobs(database, job_id, 8 * DAY)
    task, remover = expiry(database, store, RetentionPolicy(videos=7 * DAY))
    assert (await task.expire())["videos"] == 1
    await remover.remove()
    assert await keys(store) == []
    job = (await stubs.renders.GetJob(pb.GetJobRequest(workspace_id="team", job_id=str(job_id)))).job
    assert (job.status, list(job.video_urls), job.HasField("video")) == (3, [], False)
    error = await refusal(stubs.renders.DownloadVideo(pb.DownloadVideoRequest(workspace_id="team", job_id=str(job_id))))
    assert error.reason == "VIDEO_NOT_READY"


async def test_segments_and_assets_expire_by_their_own_age(
    database: Database, store: ObjectStore, settings: Settings
) -> None:
    folder = Path(urlsplit(settings.storage_url).path)
    for key in ("segments/ab/old.mp4", "segments/ab/new.mp4", "assets/cd/old", "assets/cd/new"):
        await put_object(store, key, b"x", content_type="video/mp4")
        if "old" in key:
            then = time.time() - 40 * 86_400
            os.utime(folder / key, (then, then))
    task, _ = expiry(database, store, RetentionPolicy(segments=30 * DAY, assets=30 * DAY))
    found = await task.expire()
    assert (found["segments"], found["assets"]) == (1, 1)
    assert await keys(store) == ["assets/cd/new", "segments/ab/new.mp4"]


async def test_expired_objects_are_deleted_from_either_store(database: Database, either_store: ObjectStore) -> None:
    store = either_store
    job_id, kept = await finished(database, store), await finished(database, store)
    await age_jobs(database, job_id, 40 * DAY)
    for key in ("segments/ab/one.mp4", "assets/cd/one"):
        await put_object(store, key, b"x", content_type="video/mp4")
    # An age below nothing: S3 sets the time at which an object was written, and accepts no other.
    task, remover = expiry(database, store, RetentionPolicy(jobs=30 * DAY, segments=-DAY, assets=DAY))
    found = await task.expire()
    assert (found["jobs"], found["segments"], found["assets"]) == (1, 1, 0)
    await remover.remove()
    files = [f"videos/team/{kept}/{name}" for name in ("1/video.mp4", "2/poster.jpg", "2/video.mp4")]
    assert await keys(store) == ["assets/cd/one", *files]


async def test_nothing_is_removed_that_has_no_age(database: Database, store: ObjectStore) -> None:
    job_id = await finished(database, store)
    await age_jobs(database, job_id, 4000 * DAY)
    before = await keys(store)
    task, remover = expiry(database, store, RetentionPolicy())
    assert not any((await task.expire()).values())
    await remover.remove()
    assert await keys(store) == before


@pytest.mark.parametrize("error", [DatabaseUnavailable("too slow"), ValueError("a fault")])
async def test_a_kind_that_cannot_expire_keeps_no_other_from_expiring(
    database: Database, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await age_jobs(database, await finished(database, store), 8 * DAY)
    await put_object(store, "segments/ab/one.mp4", b"x", content_type="video/mp4")
    task, remover = expiry(database, store, RetentionPolicy(jobs=30 * DAY, videos=7 * DAY, segments=-DAY))
    monkeypatch.setattr(Batches, "expire", AsyncMock(side_effect=error))
    with pytest.raises(type(error)):
        await task.expire()
    await remover.remove()
    assert await keys(store) == []


async def test_a_sweep_finds_every_orphan_and_nothing_else(database: Database, either_store: ObjectStore) -> None:
    store = either_store
    kept = await finished(database, store)
    running = await start_job(database)
    await claim_soon(lifecycle_of(database))
    await put_object(store, f"videos/team/{running.id}/1/video.mp4", b"soon", content_type="video/mp4")
    orphans = [
        f"videos/team/{kept}/1/video.mp4",  # of an attempt that lost
        f"videos/other/{kept}/2/video.mp4",  # in another workspace
        f"videos/team/{UUID(int=5)}/1/video.mp4",  # of no job
        "videos/team/stray.mp4",  # of nothing
        "clips/team/ab/" + "ab" * 32 + ".mp4",  # that no order led to
        "segments/team/ab/" + "ab" * 32 + ".mp4",  # that no job uses
        f"assets/team/{kept}/2/" + "ab" * 32,  # of a job that has ended
        f"fonts/team/{'ab' * 32}/{UUID(int=5)}",  # whose upload failed
        "checks/0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f",
    ]
    for key in orphans:
        await put_object(store, key, b"orphan", content_type="video/mp4")
    deletions, objects = Deletions(database), JobObjects(database)
    young = await sweep(deletions, objects, store, delete=True)
    assert (young.orphans, young.missing) == (0, 0), "what is young may be about to be recorded"

    report = await sweep(deletions, objects, store, delete=False, grace=NOW)
    assert sorted(report.orphan_keys) == sorted(orphans)
    assert (report.orphans, report.objects, report.missing) == (9, 12, 0)
    await sweep(deletions, objects, store, delete=True, grace=NOW)
    assert (await sweep(deletions, objects, store, delete=False, grace=NOW)).orphans == 0
    assert len(await keys(store)) == 3


async def test_a_sweep_reports_missing_files(database: Database, store: ObjectStore) -> None:
    job_id = await finished(database, store)
    await store.delete(f"videos/team/{job_id}/2/poster.jpg")
    report = await sweep(Deletions(database), JobObjects(database), store, delete=False)
    assert report.missing_keys == [f"videos/team/{job_id}/2/poster.jpg"]


async def test_after_deleting_everything_nothing_is_left(stubs: Stubs, database: Database, store: ObjectStore) -> None:
    jobs = [await finished(database, store) for _ in range(5)]
    for job_id in jobs:
        await stubs.renders.DeleteJob(pb.DeleteJobRequest(workspace_id="team", job_id=str(job_id)))
    await Remover(Deletions(database), JobObjects(database), store).remove()
    assert await keys(store) == []
    assert (await sweep(Deletions(database), JobObjects(database), store, delete=False, grace=NOW)).objects == 0


def test_the_sweep_is_run_from_the_command_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("STORAGE_URL", (tmp_path / "objects").as_uri())
    stray = tmp_path / "objects" / "videos" / "team" / "stray.mp4"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"12345")
    os.utime(stray, (time.time() - 7200,) * 2)
    result = CliRunner().invoke(app, ["sweep"])
    assert result.exit_code == 1
    assert "orphan   videos/team/stray.mp4" in result.stdout
    assert "1 objects; 1 orphans of 5 bytes found; 0 files missing" in result.stdout
    assert CliRunner().invoke(app, ["sweep", "--delete"]).exit_code == 0
    assert CliRunner().invoke(app, ["sweep"]).stdout.startswith("0 objects")
