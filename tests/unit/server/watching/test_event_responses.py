"""A thousand watchers of a job cost one response an event, one read and one audit entry at its end."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID, uuid4

import pytest

from render_service.db.access.audit_log import AuditLog
from render_service.db.database import DatabaseUnavailable
from render_service.domain.access.access import EVERYBODY
from render_service.domain.access.audit import Action, Origin
from render_service.domain.jobs.job import Job, JobEvent, JobStatus, ProviderName, RawResults
from render_service.server.interceptors import authentication
from render_service.server.interceptors.audit import AuditRecorder
from render_service.server.interceptors.base import Call, Context
from render_service.server.services.downloads import Downloads
from render_service.server.services.event_responses import EventResponses
from render_service.storage.store import ObjectStore

NOW = datetime.now(UTC)
JOB = Job(
    id=uuid4(),
    task_id=uuid4(),
    workspace_id="team",
    project_id=None,
    provider=ProviderName.MOCK,
    status=JobStatus.COMPLETED,
    stage=None,
    progress=100,
    message="Completed",
    sequence=9,
    milestone=4,
    attempt=1,
    raw_results=RawResults("done", ("https://provider.example/video.mp4",)),
    video=None,
    error=None,
    request_id=None,
    labels={},
    create_time=NOW,
    start_time=NOW,
    end_time=NOW,
    update_time=NOW,
)


def event_of(status: JobStatus) -> JobEvent:
    return JobEvent(JOB.id, JOB.task_id, "team", 9, 4, True, status, None, 100, "", 1, NOW)


class Log(AuditLog):
    """An audit trail that counts, and fails as often as it should."""

    def __init__(self, failures: int = 0) -> None:
        self.recorded: list[UUID] = []
        self._failures = failures

    async def record_all(
        self, origin: Origin, action: Action, *, workspace_id: str, targets: Mapping[UUID, str]
    ) -> None:
        await asyncio.sleep(0)
        if self._failures:
            self._failures -= 1
            raise DatabaseUnavailable
        self.recorded += targets


class Jobs:
    """Reads the job, and counts."""

    def __init__(self, job: Job = JOB) -> None:
        self.reads = 0
        self.job = job
        self.error: DatabaseUnavailable | None = None

    async def read(self, workspace_id: str, job_id: UUID) -> Job:
        self.reads += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.job


@pytest.fixture(autouse=True)
def _caller() -> None:
    context = cast("Context", SimpleNamespace(peer=lambda: "ipv4:127.0.0.1:1"))
    call = Call("/render.v1.RenderService/WatchProgress", context, True, (), None, principal=EVERYBODY)
    authentication._CALL.set(call)


def responses_of(jobs: Jobs, folder: Path, log: Log | None = None) -> EventResponses:
    downloads = Downloads(ObjectStore(folder.as_uri()), valid_for=timedelta(hours=1))
    return EventResponses(jobs.read, downloads, AuditRecorder(log or Log()))


async def test_all_watchers_get_the_same_response_of_an_event(tmp_path: Path) -> None:
    jobs = Jobs()
    responses, event = responses_of(jobs, tmp_path), event_of(JobStatus.PROCESSING)
    first, *others = await asyncio.gather(*(responses.response(event) for _ in range(100)))
    assert all(other is first for other in others)
    assert jobs.reads == 0


async def test_equal_events_that_are_not_the_same_have_responses_of_their_own(tmp_path: Path) -> None:
    responses = responses_of(Jobs(), tmp_path)
    first = await responses.response(event_of(JobStatus.PROCESSING))
    assert await responses.response(event_of(JobStatus.PROCESSING)) is not first


async def test_the_end_reads_the_job_once_for_all_watchers(tmp_path: Path) -> None:
    jobs = Jobs()
    responses, event = responses_of(jobs, tmp_path), event_of(JobStatus.COMPLETED)
    answers = await asyncio.gather(*(responses.response(event) for _ in range(1_000)))
    assert jobs.reads == 1
    assert {tuple(answer.event.video_urls) for answer in answers} == {("https://provider.example/video.mp4",)}


async def test_a_read_that_failed_is_repeated_for_those_who_ask_later(tmp_path: Path) -> None:
    jobs = Jobs()
    responses, event = responses_of(jobs, tmp_path), event_of(JobStatus.COMPLETED)
    jobs.error = DatabaseUnavailable()
    with pytest.raises(DatabaseUnavailable):
        await responses.response(event)
    jobs.error = None
    assert (await responses.response(event)).event.video_urls


async def test_a_url_that_many_receive_at_once_is_recorded_once_for_each_caller() -> None:
    log = Log()
    audit = AuditRecorder(log)
    await asyncio.gather(*(audit.record_returned_urls("team", {JOB.id: "video.mp4"}) for _ in range(100)))
    assert log.recorded == [JOB.id]


async def test_no_url_is_returned_that_could_not_be_recorded() -> None:
    log = Log(failures=1)
    audit = AuditRecorder(log)
    calls = (audit.record_returned_urls("team", {JOB.id: "video.mp4"}) for _ in range(3))
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ended] == [DatabaseUnavailable, type(None), type(None)]
    assert log.recorded == [JOB.id]
