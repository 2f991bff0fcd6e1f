"""The audit trail records who started, cancelled, deleted or downloaded what, when and from where; no secrets."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from render_client.v1 import project_pb2
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb
from typer.testing import CliRunner

from render_service.cli.main import app
from render_service.config.settings import Settings
from render_service.db.access.api_keys import ApiKeys
from render_service.db.access.audit_log import AuditFilter, AuditLog
from render_service.db.database import Database
from render_service.domain.access.access import Access
from render_service.domain.access.audit import Action
from render_service.domain.jobs.job import Artifact, StoredFile, Video
from render_service.server.interceptors.refusals import ACCESS_REASONS
from render_service.storage.store import ObjectStore
from render_service.telemetry.metrics.server import CALLS_REFUSED
from tests.integration.server.status import refusal
from tests.objects import put_object
from tests.records import lifecycle_of
from tests.seaweedfs import S3TestBucket
from tests.serving import Stubs, bearer, claim_soon, serving, settings_of

PROJECT = project_pb2.Project(
    title="Quarterly", storyboard=project_pb2.Storyboard(shots=[project_pb2.Shot(caption="Confidential")])
)


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return settings_of(database_url, redis_url, tmp_path)


@pytest.fixture
async def stubs(settings: Settings) -> AsyncIterator[Stubs]:
    async with serving(settings) as stubs:
        yield stubs


async def test_every_action_leaves_who_what_when_and_from_where(
    stubs: Stubs, settings: Settings, database: Database
) -> None:
    keys, log, store = ApiKeys(database), AuditLog(database), ObjectStore(settings.storage_url)
    key = await keys.create("backend", frozenset({"team"}))
    (known,) = await keys.list()
    before = datetime.now(UTC)

    start = pb.StartRenderRequest(
        workspace_id="team", project=PROJECT, request_id="0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"
    )
    job_id = (await stubs.renders.StartRender(start, metadata=bearer(key))).job.job_id
    await stubs.renders.StartRender(start, metadata=bearer(key))  # the same request starts nothing
    held = await claim_soon(lifecycle_of(database))
    file = StoredFile(f"videos/team/{job_id}/1/video.mp4", 5, "ab" * 32, "video/mp4")
    await put_object(store, file.key, b"video", content_type="video/mp4")
    await lifecycle_of(database).complete(held.lease, None, Video({Artifact.VIDEO: file}, 2, 2, 1, 1))
    download = pb.DownloadVideoRequest(workspace_id="team", job_id=job_id)
    assert [piece async for piece in stubs.renders.DownloadVideo(download, metadata=bearer(key))]
    waiting = (
        await stubs.renders.StartRender(
            pb.StartRenderRequest(workspace_id="team", project=PROJECT), metadata=bearer(key)
        )
    ).job.job_id
    cancel = pb.CancelJobRequest(workspace_id="team", job_id=waiting)
    await stubs.renders.CancelJob(cancel, metadata=bearer(key))
    await stubs.renders.CancelJob(cancel, metadata=bearer(key))  # it has ended: nothing is done
    project_id = (
        await stubs.projects.CreateProject(
            projects_pb.CreateProjectRequest(workspace_id="team", project=PROJECT), metadata=bearer(key)
        )
    ).project.project_id
    changed = project_pb2.Project(project_id=project_id, title="Quarterly, corrected")
    update = projects_pb.UpdateProjectRequest(workspace_id="team", project=changed)
    await stubs.projects.UpdateProject(update, metadata=bearer(key))
    update.project.etag = "1"
    await refusal(stubs.projects.UpdateProject(update, metadata=bearer(key)))  # stale: nothing is done
    delete = projects_pb.DeleteProjectRequest(workspace_id="team", project_id=project_id)
    await stubs.projects.DeleteProject(delete, metadata=bearer(key))
    await refusal(stubs.projects.DeleteProject(delete, metadata=bearer(key)))

    entries = list(reversed(await log.find(AuditFilter(workspace_id="team"), limit=100)))
    assert [(entry.action, entry.target, entry.detail) for entry in entries] == [
        (Action.JOB_STARTED, UUID(job_id), ""),
        (Action.FILE_DOWNLOADED, UUID(job_id), "video.mp4"),
        (Action.JOB_STARTED, UUID(waiting), ""),
        (Action.JOB_CANCELLED, UUID(waiting), ""),
        (Action.PROJECT_CREATED, UUID(project_id), ""),
        (Action.PROJECT_UPDATED, UUID(project_id), ""),
        (Action.PROJECT_DELETED, UUID(project_id), ""),
    ]
    for entry in entries:
        assert (entry.origin.principal, entry.origin.principal_name) == (f"key:{known.id}", "backend")
        assert entry.origin.peer.startswith("ipv4:127.0.0.1:")
        assert entry.origin.request_id is not None
        assert before <= entry.at <= datetime.now(UTC)
    async with database.single() as connection:
        kept = str((await connection.execute(sa.text("SELECT audit_log::text FROM audit_log"))).all())
    for secret in (key, key.removeprefix("rk_"), "Confidential", "Quarterly"):
        assert secret not in kept


async def test_returning_the_url_of_a_video_leaves_an_entry(
    settings: Settings, database: Database, s3: S3TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    store, keys = ObjectStore(s3.url), ApiKeys(database)
    owner, reader = [await keys.create(name, frozenset({"team"})) for name in ("owner", "reader")]
    async with serving(settings.model_copy(update={"storage_url": s3.url})) as stubs:
        ended = []
        for _ in range(2):
            start = pb.StartRenderRequest(workspace_id="team", project=PROJECT)
            job = (await stubs.renders.StartRender(start, metadata=bearer(owner))).job
            held = await claim_soon(lifecycle_of(database))
            file = StoredFile(f"videos/team/{job.job_id}/1/video.mp4", 5, "ab" * 32, "video/mp4")
            await put_object(store, file.key, b"video", content_type="video/mp4")
            await lifecycle_of(database).complete(held.lease, None, Video({Artifact.VIDEO: file}, 2, 2, 1, 1))
            ended.append(job.job_id)
        one = {"workspace_id": "team", "job_id": ended[0]}

        watch = stubs.renders.WatchProgress(pb.WatchProgressRequest(**one, after_sequence=0), metadata=bearer(owner))
        events = [response.event async for response in watch]
        assert events[-1].video_urls[0].startswith("http")
        for _ in range(3):
            got = await stubs.renders.GetJob(pb.GetJobRequest(**one), metadata=bearer(owner))
            assert got.job.video_urls[0].startswith("http")
        listed = await stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="team"), metadata=bearer(owner))
        assert all(job.video_urls for job in listed.jobs)
        await stubs.renders.GetJob(pb.GetJobRequest(**one), metadata=bearer(reader))

    wanted = AuditFilter(action=Action.FILE_URL_RETURNED)
    entries = list(reversed(await AuditLog(database).find(wanted, limit=100)))
    assert [(entry.origin.principal_name, entry.target, entry.detail) for entry in entries] == [
        ("owner", UUID(ended[0]), "video.mp4"),  # by the watch; who goes on asking leaves no more
        ("owner", UUID(ended[1]), "video.mp4"),  # by the list
        ("reader", UUID(ended[0]), "video.mp4"),
    ]


async def test_what_does_not_exist_leaves_no_entry(stubs: Stubs, database: Database) -> None:
    key = await ApiKeys(database).create("backend", frozenset({"team"}))
    absent = "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"
    await refusal(
        stubs.renders.CancelJob(pb.CancelJobRequest(workspace_id="team", job_id=absent), metadata=bearer(key))
    )
    delete = projects_pb.DeleteProjectRequest(workspace_id="team", project_id=absent)
    await refusal(stubs.projects.DeleteProject(delete, metadata=bearer(key)))
    assert await AuditLog(database).find(AuditFilter(), limit=10) == []


async def test_refused_calls_leave_entries_and_are_counted(settings: Settings, database: Database) -> None:
    keys, counted = ApiKeys(database), _refused()
    key = await keys.create("dashboard", frozenset({"team"}), access=Access.READ)
    wrong = "rk_" + "0" * 43
    async with serving(settings) as stubs:
        for _ in range(3):  # repeated: counted each time, recorded once
            await refusal(stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="other"), metadata=bearer(key)))
            await refusal(stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id="team"), metadata=bearer(wrong)))
            start = pb.StartRenderRequest(workspace_id="team", project=PROJECT)
            await refusal(stubs.renders.StartRender(start, metadata=bearer(key)))
    entries = await AuditLog(database).find(AuditFilter(action=Action.ACCESS_REFUSED), limit=100)
    assert {(entry.origin.principal_name, entry.workspace_id, entry.detail) for entry in entries} == {
        ("dashboard", "other", "WORKSPACE_FORBIDDEN ListJobs"),
        ("unauthenticated", None, "CREDENTIALS_INVALID ListJobs"),
        ("dashboard", "team", "WRITE_FORBIDDEN StartRender"),
    }
    assert len(entries) == 3
    assert all(entry.origin.peer.startswith("ipv4:127.0.0.1:") and entry.origin.request_id for entry in entries)
    assert {reason: count - counted[reason] for reason, count in _refused().items()} == dict.fromkeys(counted, 3)


def _refused() -> dict[str, float]:
    return {reason: CALLS_REFUSED.labels(reason)._value.get() for reason in ACCESS_REASONS}


async def test_old_entries_are_removed_and_others_kept(database: Database) -> None:
    log = AuditLog(database)
    async with database.single() as connection:
        await connection.execute(
            sa.text(
                "INSERT INTO audit_log (at, principal, principal_name, action, peer) "
                "SELECT now() - n * interval '1 day', 'p', 'p', 'job_started', '' FROM generate_series(1, 10) AS n"
            )
        )
    assert await log.prune(age=timedelta(days=6, hours=12), batch=3) == 3
    assert await log.prune(age=timedelta(days=6, hours=12), batch=3) == 1
    assert len(await log.find(AuditFilter(), limit=100)) == 6


def test_the_trail_is_queried_from_the_command_line_and_knows_of_keys(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    run = CliRunner().invoke
    key = run(app, ["keys", "create", "backend", "--workspace", "team"]).stdout.strip()
    row = json.loads(run(app, ["keys", "list", "--json"]).stdout)
    run(app, ["keys", "revoke", row["id"]])
    result = run(app, ["audit", "--json", "--target", row["id"], "--since-days", "1"])
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [entry["action"] for entry in entries] == ["key_revoked", "key_created"]
    assert entries[0]["principal"].startswith("command:")
    assert key.removeprefix("rk_") not in result.stdout
    assert run(app, ["audit", "--action", "job_deleted"]).stdout == ""
    assert "key_created" in run(app, ["audit"]).stdout
