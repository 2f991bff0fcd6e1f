"""A job's life on a real Postgres, against a model small enough to be right by inspection."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from render_service.db.database import Database
from render_service.db.jobs.job_lifecycle import JobLifecycle, LeaseLost
from render_service.db.jobs.jobs import Jobs, RequestIdReused
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError, JobEvent, JobStage, Lease, ProviderName, RawResults, RenderSpec
from render_service.domain.jobs.request import JobOptions, JobRequest
from render_service.domain.projects.output import OutputSpec, Quality
from render_service.domain.projects.project import Project
from render_service.domain.retry import RetryPolicy
from tests.robustness.history import ENDS, History
from tests.robustness.tables import read_tables
from tests.robustness.validators import fenced, one_end

_WORKSPACE = "model"
_MAX_FAILED = 3
_ERROR = JobError(ErrorReason.PROVIDER_FAILED, "it did not work")
_HOUR = timedelta(hours=1)
_T = TypeVar("_T")


@dataclass
class Model:
    """What a job must be like."""

    status: str = "PENDING"
    stage: JobStage | None = None
    progress: int = 0
    attempt: int = 0
    failed: int = 0
    sequence: int = 1
    milestone: int = 1
    cancel_requested: bool = False
    due: bool = True
    expired: bool = False
    past_deadline: bool = False
    token: UUID | None = None

    def change(self, status: str, *, milestone: bool = True) -> None:
        """Take a step."""
        self.status = status
        self.sequence += 1
        self.milestone += milestone
        if status != "PROCESSING":
            self.token, self.stage, self.expired = None, None, False


@dataclass
class World:
    """All jobs of one run of the machine, and the connections to the tables where they really are."""

    url: str
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    jobs: dict[UUID, Model] = field(default_factory=dict)
    requests: dict[UUID, tuple[bytes, UUID]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = psycopg.connect(self.url, autocommit=True)
        self.connection.execute("TRUNCATE jobs CASCADE")
        self.database = Database(self.url, size=2)
        self.lifecycle = JobLifecycle(self.database, lease=_HOUR, retry=RetryPolicy(_MAX_FAILED))

    def run(self, work: Coroutine[object, object, _T]) -> _T:
        """Do something on the event loop."""
        return self.runner.run(work)

    def close(self) -> None:
        """Close all connections."""
        self.run(self.database.close())
        self.connection.close()
        self.runner.close()


class JobLife(RuleBasedStateMachine):
    """Does to jobs whatever callers, workers and the reconciler may do, in any order."""

    url = ""
    ids = Bundle("ids")
    leases = Bundle("leases")

    @initialize()
    def begin(self) -> None:
        """Empty the tables."""
        self.world = World(self.url)

    def teardown(self) -> None:
        """Leave."""
        if not hasattr(self, "world"):
            return
        history = History()
        self.world.run(read_tables(self.world.url, history))
        self.world.close()
        assert not [*fenced(history), *one_end(history)]

    @rule(target=ids, request=st.integers(0, 3), body=st.sampled_from([b"a", b"a", b"b"]))
    def start(self, request: int, body: bytes) -> object:
        """Start a job, or the same again, or another under the same request_id."""
        world, request_id = self.world, UUID(int=request + 1)
        wanted = JobRequest(
            workspace_id=_WORKSPACE,
            project_id=None,
            provider=ProviderName.MOCK,
            spec=RenderSpec(Project(), OutputSpec(640, 360, 30, Quality.DRAFT)),
            options=JobOptions({"body": body.decode()}, request_id, body),
        )
        known = world.requests.get(request_id)
        try:
            job, event = world.run(Jobs(world.database).start(wanted))
        except RequestIdReused:
            assert known is not None
            assert known[0] != body
            return multiple()
        if known is None:
            assert event is not None
            world.requests[request_id] = (body, job.id)
            world.jobs[job.id] = Model()
            return job.id
        assert event is None
        assert known == (body, job.id)
        return multiple()

    @rule(target=leases)
    def claim(self) -> object:
        """A worker asks for work."""
        claim = self.world.run(self.world.lifecycle.claim(worker="w", providers=[ProviderName.MOCK], deadline=_HOUR))
        due = {job_id for job_id, job in self.world.jobs.items() if job.status == "PENDING" and job.due}
        if claim is None:
            assert not due
            return multiple()
        assert claim.lease.job_id in due
        job = self.world.jobs[claim.lease.job_id]
        job.change("PROCESSING")
        job.attempt += 1
        job.stage, job.progress, job.token = JobStage.PREPARING, 0, claim.lease.token
        assert claim.lease.attempt == job.attempt
        return claim.lease

    @rule(lease=leases, stage=st.sampled_from([JobStage.PREPARING, JobStage.GENERATING]), progress=st.integers(0, 99))
    def report(self, lease: Lease, stage: JobStage, progress: int) -> None:
        """A worker reports progress, with its lease or with one it has lost."""
        job = self.world.jobs[lease.job_id]
        changed = stage is not job.stage
        wrote = self._write(
            lease,
            self._event_of_report(lease, stage, progress, changed=changed),
        )
        if wrote:
            job.change("PROCESSING", milestone=changed)
            job.stage, job.progress, job.expired = stage, max(job.progress, progress), False

    async def _event_of_report(self, lease: Lease, stage: JobStage, progress: int, *, changed: bool) -> JobEvent:
        report = await self.world.lifecycle.report(lease, stage=stage, progress=progress, message="")
        assert report.cancel_requested == self.world.jobs[lease.job_id].cancel_requested
        return report.event

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        """A worker renews a lease."""
        renewed = self.world.run(self.world.lifecycle.renew([lease], no_progress=_HOUR))
        job = self.world.jobs[lease.job_id]
        assert (lease.token in renewed) == (job.token == lease.token)
        if lease.token in renewed:
            assert renewed[lease.token].cancel_requested == job.cancel_requested
            assert renewed[lease.token].past_deadline == job.past_deadline
            job.expired = False

    @rule(lease=leases)
    def complete(self, lease: Lease) -> None:
        """A worker has made the video."""
        if self._write(lease, self.world.lifecycle.complete(lease, RawResults("done"), None)):
            job = self.world.jobs[lease.job_id]
            job.change("COMPLETED")
            job.progress = 100
            assert self.world.run(self.world.lifecycle.was_completed_by(lease))

    @rule(lease=leases, retryable=st.booleans(), counted=st.booleans())
    def end_attempt(self, lease: Lease, retryable: bool, counted: bool) -> None:
        """A worker has failed."""
        write = self.world.lifecycle.end_attempt(lease, _ERROR, retryable=retryable, counted=counted)
        if self._write(lease, write):
            job = self.world.jobs[lease.job_id]
            job.failed += counted
            if job.cancel_requested:
                job.change("CANCELLED")
            elif retryable and not job.past_deadline and job.failed < _MAX_FAILED:
                job.change("PENDING")
                job.due = False
            else:
                job.change("FAILED")

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        """A worker shuts down."""
        if self._write(lease, self.world.lifecycle.release(lease)):
            job = self.world.jobs[lease.job_id]
            job.change("CANCELLED" if job.cancel_requested else "PENDING")

    @rule(lease=consumes(leases))
    def lose_a_worker(self, lease: Lease) -> None:
        """A worker is not heard of any more; its lease expires, but is still its own until it is taken away."""
        job = self.world.jobs[lease.job_id]
        if job.token == lease.token:
            self.world.connection.execute(
                "UPDATE jobs SET lease_expires_at = now() - interval '1 s' WHERE id = %s", [lease.job_id]
            )
            job.expired = True

    @rule()
    def reclaim(self) -> None:
        """The reconciler runs."""
        events = self.world.run(self.world.lifecycle.reclaim_expired())
        expired = {job_id: job for job_id, job in self.world.jobs.items() if job.expired}
        assert {event.job_id for event in events} == expired.keys()
        for job in expired.values():
            job.failed += 1
            if job.cancel_requested:
                job.change("CANCELLED")
            elif job.past_deadline or job.failed >= _MAX_FAILED:
                job.change("FAILED")
            else:
                job.change("PENDING")

    @rule(job_id=ids)
    def cancel(self, job_id: UUID) -> None:
        """A caller cancels."""
        event = self.world.run(self.world.lifecycle.cancel(_WORKSPACE, job_id))
        job = self.world.jobs[job_id]
        assert (event is not None) == (job.status == "PENDING")
        if job.status == "PENDING":
            job.cancel_requested = True
            job.change("CANCELLED")
        elif job.status == "PROCESSING":
            job.cancel_requested = True

    @rule(job_id=ids)
    def cancel_of_a_stranger(self, job_id: UUID) -> None:
        """Another workspace cancels: nothing happens."""
        assert self.world.run(self.world.lifecycle.cancel("stranger", job_id)) is None

    @rule()
    def let_time_pass(self) -> None:
        """What waits to be tried again becomes due."""
        self.world.connection.execute("UPDATE jobs SET run_after = least(run_after, now()) WHERE status = 'PENDING'")
        for job in self.world.jobs.values():
            if job.status == "PENDING":
                job.due = True

    @rule(lease=leases)
    def let_a_deadline_pass(self, lease: Lease) -> None:
        """A job has taken too long, all attempts together."""
        self.world.connection.execute(
            "UPDATE jobs SET deadline_at = now() - interval '1 s' WHERE id = %s", [lease.job_id]
        )
        self.world.jobs[lease.job_id].past_deadline = True

    @invariant()
    def the_tables_are_as_the_model(self) -> None:
        """Row by row; their histories are checked at the end."""
        if not hasattr(self, "world"):
            return
        rows = self.world.connection.execute(
            "SELECT id, status, stage, progress, attempt, failed_attempts, sequence, milestone, cancel_requested,"
            " lease_token FROM jobs"
        ).fetchall()
        assert {row[0]: row[1:] for row in rows} == {
            job_id: (
                job.status,
                job.stage,
                job.progress,
                job.attempt,
                job.failed,
                job.sequence,
                job.milestone,
                job.cancel_requested,
                job.token,
            )
            for job_id, job in self.world.jobs.items()
        }

    def _write(self, lease: Lease, write: Coroutine[object, object, JobEvent]) -> bool:
        """Write with a lease; it must be accepted exactly where the model says that the lease is held."""
        job = self.world.jobs[lease.job_id]
        held = job.token == lease.token
        assert not held or job.status not in ENDS
        try:
            event = self.world.run(write)
        except LeaseLost:
            assert not held
            return False
        assert held
        assert event.sequence == job.sequence + 1
        return True


def test_any_order_of_calls_keeps_a_job_as_the_model_says(database_url: str) -> None:
    class JobLifeHere(JobLife):
        url = database_url

    run_state_machine_as_test(
        JobLifeHere,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
