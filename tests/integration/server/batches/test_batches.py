"""What BatchService promises over the wire, from the start of a batch to its end."""

import asyncio
from contextlib import aclosing
from uuid import uuid4

import grpc
import pytest
from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import job_pb2
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as renders_pb

from render_service.db.access.audit_log import AuditFilter, AuditLog
from render_service.domain.access.audit import Action
from tests.integration.server.batches.conftest import Workspace, row, template
from tests.integration.server.status import refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNNING, COMPLETED = pb.BATCH_STATE_RUNNING, pb.BATCH_STATE_COMPLETED
FAILED, CANCELLED = pb.BATCH_STATE_FAILED, pb.BATCH_STATE_CANCELLED


def are_jobs(batch: pb.Batch) -> bool:
    return not batch.counts.waiting


async def test_every_row_becomes_a_job_with_its_values_in_the_order_of_rows(workspace: Workspace) -> None:
    batch = await workspace.start(rows=[row("Ada", "a1"), row("Bob"), row("Cleo", "c3")])
    assert (batch.state, batch.rows, batch.title, batch.workspace_id) == (RUNNING, 3, "For {{name}}", workspace.id)
    await workspace.until(batch.batch_id, are_jobs)
    jobs = await workspace.jobs(batch.batch_id)
    assert [(job.batch.row, job.batch.key, job.title) for job in jobs] == [
        (0, "a1", "For Ada"),
        (1, "", "For Bob"),
        (2, "c3", "For Cleo"),
    ]
    assert {job.batch.batch_id for job in jobs} == {batch.batch_id}
    assert await workspace.work() == ["For Ada", "For Bob", "For Cleo"]
    ended = await workspace.until(batch.batch_id, lambda found: found.state != RUNNING)
    assert (ended.state, ended.counts) == (COMPLETED, pb.BatchCounts(completed=3))
    assert ended.HasField("end_time")
    assert await workspace.count("batch_rows", batch.batch_id) == 3


async def test_a_stored_template_and_shared_values_serve_all_rows(workspace: Workspace) -> None:
    project = template(title="{{greeting}} {{name}}")
    stored = await workspace.service.stubs.projects.CreateProject(
        projects_pb.CreateProjectRequest(workspace_id=workspace.id, project=project)
    )
    render = renders_pb.StartRenderRequest(
        project_id=stored.project.project_id,
        variables={"greeting": "Hi", "name": "nobody"},
        labels={"campaign": "spring"},
        priority=3,
    )
    batch = await workspace.start(render=render, rows=[row("Ada"), pb.BatchRow()])
    await workspace.until(batch.batch_id, are_jobs)
    jobs = await workspace.jobs(batch.batch_id, labels={"campaign": "spring"})
    assert [(job.title, job.project_id, job.priority) for job in jobs] == [
        ("Hi Ada", stored.project.project_id, 3),
        ("Hi nobody", stored.project.project_id, 3),
    ]


async def test_the_same_request_id_returns_the_same_batch_and_another_body_is_refused(workspace: Workspace) -> None:
    request_id = str(uuid4())
    first, second = await asyncio.gather(
        *(workspace.start("Ada", "Bob", request_id=request_id) for _ in range(2)),
    )
    assert first.batch_id == second.batch_id
    assert (await workspace.start("Ada", "Bob", request_id=request_id)).batch_id == first.batch_id
    await workspace.until(first.batch_id, are_jobs)
    assert len(await workspace.jobs(first.batch_id)) == 2
    error = await workspace.refused("Ada", request_id=request_id)
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert error.metadata == {"request_id": request_id, "batch_id": first.batch_id}


async def test_a_watch_delivers_every_end_once_and_resumes_after_a_cursor(workspace: Workspace) -> None:
    batch = await workspace.start("Ada", "Bob", "Cleo")
    await workspace.until(batch.batch_id, are_jobs)
    responses = []
    async with aclosing(workspace.watch(batch.batch_id)) as watch:
        responses.append(await anext(watch))
        assert responses[0].batch.state == RUNNING
        await workspace.work({"For Bob": False})
        responses += [response async for response in watch]
    ends = [response.ended for response in responses if response.WhichOneof("update") == "ended"]
    assert [(end.row, end.status, end.error_reason) for end in ends] == [
        (0, job_pb2.JOB_STATUS_COMPLETED, ""),
        (1, job_pb2.JOB_STATUS_FAILED, "ASSET_INVALID"),
        (2, job_pb2.JOB_STATUS_COMPLETED, ""),
    ]
    final = responses[-1].batch
    assert (final.state, final.counts) == (FAILED, pb.BatchCounts(completed=2, failed=1))
    second = next(response for response in responses if response.ended.row == 1)
    again = [response async for response in workspace.watch(batch.batch_id, second.cursor)]
    assert [response.ended.row for response in again if response.WhichOneof("update") == "ended"] == [2]
    assert again[-1].batch == final
    beats = [response async for response in workspace.watch(batch.batch_id, responses[-1].cursor)]
    assert {response.WhichOneof("update") for response in beats} == {"batch"}


async def test_a_watch_sends_heartbeats_while_nothing_happens(workspace: Workspace) -> None:
    batch = await workspace.start("Ada")
    async with aclosing(workspace.watch(batch.batch_id)) as watch, asyncio.timeout(60):
        while (await anext(watch)).WhichOneof("update") != "heartbeat":
            pass


async def test_only_failed_rows_are_retried_each_with_a_new_job(workspace: Workspace) -> None:
    batch = await workspace.start(rows=[row("Ada", "a"), row("Bob", "b")])
    await workspace.until(batch.batch_id, are_jobs)
    assert (await workspace.retry(batch.batch_id)).retried == 0
    await workspace.work({"For Bob": False})
    await workspace.until(batch.batch_id, lambda found: found.state == FAILED)
    answer = await workspace.retry(batch.batch_id)
    assert (answer.retried, answer.batch.state) == (1, RUNNING)
    assert (await workspace.retry(batch.batch_id)).retried == 0
    await workspace.until(batch.batch_id, are_jobs)
    assert await workspace.work() == ["For Bob"]
    ended = await workspace.until(batch.batch_id, lambda found: found.state != RUNNING)
    assert (ended.state, ended.counts) == (COMPLETED, pb.BatchCounts(completed=2))
    ends = [response.ended async for response in workspace.watch(batch.batch_id) if response.HasField("ended")]
    assert [(end.key, end.status) for end in ends] == [
        ("a", job_pb2.JOB_STATUS_COMPLETED),
        ("b", job_pb2.JOB_STATUS_COMPLETED),
    ]
    jobs = await workspace.jobs(batch.batch_id)
    assert [(job.batch.key, job.status) for job in jobs] == [
        ("a", job_pb2.JOB_STATUS_COMPLETED),
        ("b", job_pb2.JOB_STATUS_FAILED),
        ("b", job_pb2.JOB_STATUS_COMPLETED),
    ]


async def test_cancelling_ends_jobs_and_rows_without_a_job_and_can_be_retried(workspace: Workspace) -> None:
    batch = await workspace.start("Ada", "Bob", "Cleo", max_running=1)
    await workspace.until(batch.batch_id, lambda found: found.counts.pending == 1)
    await workspace.cancel(batch.batch_id)
    ended = await workspace.until(batch.batch_id, lambda found: found.state != RUNNING)
    assert (ended.state, ended.counts, ended.cancel_requested) == (CANCELLED, pb.BatchCounts(cancelled=3), True)
    assert await workspace.work() == []
    assert (await workspace.cancel(batch.batch_id)).state == CANCELLED
    assert (await workspace.retry(batch.batch_id)).retried == 0
    assert (await workspace.retry(batch.batch_id, include_cancelled=True)).retried == 3
    for count in (1, 2, 3):
        await workspace.until(batch.batch_id, lambda found: found.counts.pending == 1)
        await workspace.work()
        await workspace.until(batch.batch_id, lambda found, count=count: found.counts.completed == count)  # type: ignore[misc]
    assert (await workspace.until(batch.batch_id, lambda found: found.state != RUNNING)).state == COMPLETED


async def test_no_more_jobs_are_due_at_a_time_than_max_running(workspace: Workspace) -> None:
    batch = await workspace.start(*(f"n{number}" for number in range(5)), max_running=2)
    titles: list[str] = []
    for due in (2, 2, 1):
        found = await workspace.until(batch.batch_id, lambda found, due=due: found.counts.pending == due)  # type: ignore[misc]
        assert found.counts.waiting == 5 - len(titles) - due
        titles += await workspace.work()
    assert titles == [f"For n{number}" for number in range(5)]
    assert (await workspace.until(batch.batch_id, lambda found: found.state != RUNNING)).max_running == 2


async def test_batches_are_listed_newest_first_in_pages(workspace: Workspace) -> None:
    started = [(await workspace.start("Ada")).batch_id for _ in range(3)]
    request = pb.ListBatchesRequest(workspace_id=workspace.id, page_size=2)
    first = await workspace.calls.ListBatches(request)
    assert [batch.batch_id for batch in first.batches] == started[:0:-1]
    request.page_token = first.next_page_token
    second = await workspace.calls.ListBatches(request)
    assert [batch.batch_id for batch in second.batches] == started[:1]
    assert not second.next_page_token


async def test_a_dry_run_checks_and_stores_nothing(workspace: Workspace) -> None:
    answer = await workspace.calls.StartBatch(workspace.request("Ada", dry_run=True))
    assert not answer.HasField("batch")
    assert not (await workspace.calls.ListBatches(pb.ListBatchesRequest(workspace_id=workspace.id))).batches
    assert (await workspace.refused("", rows=[pb.BatchRow()], dry_run=True)).reason == "INVALID_FIELD"


@pytest.mark.parametrize("method", ["GetBatch", "CancelBatch", "RetryBatch", "WatchBatch"])
async def test_a_batch_of_another_workspace_is_as_one_that_does_not_exist(workspace: Workspace, method: str) -> None:
    batch = await workspace.start("Ada")
    for workspace_id, batch_id in (("elsewhere", batch.batch_id), (workspace.id, str(uuid4()))):
        request = getattr(pb, f"{method}Request")(workspace_id=workspace_id, batch_id=batch_id)
        error = await refusal(getattr(workspace.calls, method)(request))
        assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND")
        assert error.metadata == {"batch_id": batch_id}


async def test_starts_cancels_and_retries_are_in_the_audit_log(workspace: Workspace) -> None:
    batch = await workspace.start("Ada")
    await workspace.cancel(batch.batch_id)
    await workspace.until(batch.batch_id, lambda found: found.state != RUNNING)
    await workspace.retry(batch.batch_id, include_cancelled=True)
    entries = await AuditLog(workspace.service.database).find(AuditFilter(workspace_id=workspace.id), limit=10)
    assert [entry.action for entry in entries] == [Action.BATCH_RETRIED, Action.BATCH_CANCELLED, Action.BATCH_STARTED]
    assert {str(entry.target) for entry in entries} == {batch.batch_id}
