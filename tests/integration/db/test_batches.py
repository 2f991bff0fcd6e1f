"""Changes of several jobs at one moment share statements; a change that is repeated is made once."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from render_service.db.access.quotas import WorkspaceQuotas
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import Claim, JobLifecycle, LeaseLost, Report
from render_service.db.jobs.jobs import Jobs
from render_service.db.prepared import Row, Statement
from render_service.domain.access.quota import QuotaName
from render_service.domain.jobs.job import JobEvent, JobStage, JobStatus, ProviderName, RawResults
from tests.integration.db.lifecycle import milestones_of
from tests.records import HOUR, VIDEO, claim_next, job_request, lifecycle_of, start_job


async def test_a_report_repeated_because_its_answer_was_lost_adds_its_stage_once(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    job = await start_job(database)
    lease = (await claim_next(lifecycle)).lease
    reports = [
        await lifecycle.report(lease, stage=JobStage.GENERATING, progress=10, message="generating") for _ in range(3)
    ]
    assert [report.event.is_milestone for report in reports] == [True, False, False]
    assert [report.event.sequence for report in reports] == [3, 4, 5]
    assert await milestones_of(database, job.id) == [
        (1, "PENDING"),
        (2, "PROCESSING/PREPARING"),
        (3, "PROCESSING/GENERATING"),
    ]


async def test_reports_and_ends_of_one_moment_share_statements_and_each_has_its_own_outcome(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    for _ in range(6):
        await start_job(database)
    leases = [(await claim_next(lifecycle)).lease for _ in range(6)]
    stale = replace(leases[0], token=uuid4())
    calls = [
        lifecycle.report(lease, stage=JobStage.GENERATING, progress=number, message=message)
        for number, (lease, message) in enumerate(
            [(stale, ""), (leases[1], "\0"), (leases[2], "two"), (leases[3], "three"), (leases[4], "four")]
        )
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[0], LeaseLost)
    assert isinstance(results[1], psycopg.DataError)
    reports = [report for report in results if isinstance(report, Report)]
    assert [(report.event.progress, report.event.message) for report in reports] == [
        (2, "two"),
        (3, "three"),
        (4, "four"),
    ]
    ends = await asyncio.gather(
        lifecycle.complete(stale, None, None),
        lifecycle.complete(leases[0], None, None),
        lifecycle.complete(leases[1], None, VIDEO),
        lifecycle.complete(leases[2], RawResults("done"), None),
        return_exceptions=True,
    )
    assert isinstance(ends[0], LeaseLost)
    assert [end.job_id for end in ends if isinstance(end, JobEvent)] == [lease.job_id for lease in leases[:3]]
    video = await Jobs(database).get("team", leases[1].job_id)
    assert video.video is not None
    assert (video.video.width, video.video.files) == (VIDEO.width, VIDEO.files)


async def claims(lifecycle: JobLifecycle, count: int) -> list[Claim | None]:
    calls = (lifecycle.claim(worker="test", providers=list(ProviderName), deadline=HOUR) for _ in range(count))
    return await asyncio.gather(*calls)


async def test_jobs_claimed_at_one_moment_are_those_that_would_be_claimed_one_after_the_other(
    database: Database,
) -> None:
    lifecycle = lifecycle_of(database)
    for workspace, count in {"many": 9, "some": 3, "one": 1}.items():
        for _ in range(count):
            await start_job(database, job_request(workspace=workspace))
    held = [claim.lease for claim in await claims(lifecycle, 9) if claim]
    assert Counter(lease.workspace_id for lease in held) == {"many": 5, "some": 3, "one": 1}
    assert len({lease.job_id for lease in held}) == len({lease.token for lease in held}) == 9
    rest = await claims(lifecycle, 9)
    assert sum(claim is not None for claim in rest) == 4


async def test_jobs_already_claimed_reach_their_callers_when_postgres_fails_in_the_middle(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await start_job(database) for _ in range(4)]
    lifecycle = lifecycle_of(database)
    executions = 0
    execute = database.execute

    async def failing_the_third_time(statement: Statement, values: Mapping[str, Any]) -> Sequence[Row]:
        nonlocal executions
        executions += 1
        if executions == 3:
            raise DatabaseUnavailable("the connection broke")
        return await execute(statement, values)

    monkeypatch.setattr(database, "execute", failing_the_third_time)
    calls = [lifecycle.claim(worker="test", providers=list(ProviderName), deadline=HOUR) for _ in range(5)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    monkeypatch.undo()
    assert any(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes)
    stored = [await Jobs(database).get("team", job.id) for job in jobs]
    running = {job.id for job in stored if job.status is JobStatus.PROCESSING}
    assert {outcome.lease.job_id for outcome in outcomes if isinstance(outcome, Claim)} == running
    assert running


async def test_claims_of_several_workers_at_one_moment_leave_no_job_that_is_due(database: Database) -> None:
    lifecycles = [lifecycle_of(database) for _ in range(3)]
    await WorkspaceQuotas(database).set("a", {QuotaName.RUNNING_JOBS: 4})
    await WorkspaceQuotas(database).set("b", {QuotaName.RUNNING_JOBS: 4})
    for workspace in "abcd":
        for _ in range(6):
            await start_job(database, job_request(workspace=workspace))
    held = [claim for found in await asyncio.gather(*(claims(each, 10) for each in lifecycles)) for claim in found]
    workspaces = Counter(claim.lease.workspace_id for claim in held if claim)
    assert (workspaces["c"], workspaces["d"]) == (6, 6)
    # A claim that finds its workspace full at the last moment goes away empty: the next one finds the rest.
    while (found := (await claims(lifecycles[0], 1))[0]) is not None:
        workspaces[found.lease.workspace_id] += 1
    assert workspaces == {"a": 4, "b": 4, "c": 6, "d": 6}


async def test_renewals_and_reports_of_the_same_jobs_do_not_wait_for_each_other(database: Database) -> None:
    lifecycle = lifecycle_of(database)
    for _ in range(20):
        await start_job(database)
    leases = [claim.lease for claim in await claims(lifecycle, 20) if claim]

    async def report() -> None:
        for percent in range(10):
            calls = (
                lifecycle.report(lease, stage=JobStage.GENERATING, progress=percent, message="") for lease in leases
            )
            await asyncio.gather(*calls)

    async def renew() -> None:
        for round_ in range(10):
            ordered = leases if round_ % 2 else leases[::-1]
            assert len(await lifecycle.renew(ordered, no_progress=timedelta(hours=1))) == 20

    await asyncio.gather(report(), renew(), renew())
