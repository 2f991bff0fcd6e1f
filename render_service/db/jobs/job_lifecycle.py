"""Changes of jobs' states: the calls around the statements of `job_lifecycle_sql`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from render_service.db.batched_statement import BatchedStatement
from render_service.db.batching import Batcher
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs import job_lifecycle_sql as statements
from render_service.db.jobs.job_waiting_sql import WARN_UNSERVED, WARN_UNSPOKEN
from render_service.db.prepared import Row, Statement
from render_service.db.row_mapping import (
    RAW_RESULTS,
    WARNINGS,
    event_from_row,
    read_render_spec,
    video_to_columns,
)
from render_service.domain.jobs.job import (
    JobError,
    JobEvent,
    JobStage,
    Lease,
    ProviderName,
    RawResults,
    RenderSpec,
    Video,
)
from render_service.domain.jobs.needs import JobNeed
from render_service.domain.retry import RetryPolicy
from render_service.domain.speech.voices import SpeechProvider
from render_service.domain.warning import JobWarning, distinct_warnings


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed job: its lease, what to render, and the event to publish.

    `waited` is how long it was due; `trace_parent` the span that it belongs to, as a W3C `traceparent`.
    """

    lease: Lease
    provider: ProviderName
    spec: RenderSpec
    event: JobEvent
    waited: timedelta = timedelta(0)
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A progress report as stored; `event` is to be published."""

    event: JobEvent
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the renewal of a lease found; any of the three ends the attempt."""

    cancel_requested: bool
    past_deadline: bool
    stuck: bool


@dataclass(frozen=True, slots=True)
class _Claimant:
    """Who claims, and what."""

    worker: str
    providers: tuple[ProviderName, ...]
    speech_providers: tuple[SpeechProvider, ...]
    abilities: tuple[JobNeed, ...]
    deadline: timedelta
    unserved: bool


class LeaseLost(Exception):
    """Another worker holds the job, or it has ended: stop, and change nothing."""


@dataclass
class UnreadableJob(Exception):
    """A newer version started the job that was claimed: end the attempt. `field` is the path of what is unknown."""

    lease: Lease
    event: JobEvent
    field: str


class JobLifecycle:
    """Changes of jobs' states.

    Args:
        database: Where the jobs are.
        lease: How long a claim or a report keeps a job.
        retry: The retry policy of failed attempts.
        running_quota: How many jobs of a workspace may run at a time unless it has its own quota; None: any number.
    """

    def __init__(
        self, database: Database, *, lease: timedelta, retry: RetryPolicy, running_quota: int | None = None
    ) -> None:
        self._running_quota = running_quota
        self._database = database
        self._lease = lease
        self._retry = retry
        self._claims: dict[_Claimant, Batcher[None, Row | None]] = {}
        self._reports = BatchedStatement(database, statements.REPORT, {"lease": lease})
        self._completions = BatchedStatement(database, statements.COMPLETE, {})

    async def claim(
        self,
        *,
        worker: str,
        providers: Sequence[ProviderName],
        deadline: timedelta,
        unserved: bool = False,
        speech_providers: Sequence[SpeechProvider] = (),
        abilities: Sequence[JobNeed] = (),
    ) -> Claim | None:
        """Claim a due job. Workspaces take turns; within one, the order is by priority, then by waiting time.

        Calls that wait at the same time share statements.

        Args:
            worker: Name of the worker, for people.
            providers: The providers whose jobs to take.
            deadline: How long after its first start a job may run.
            unserved: Whether to take only jobs of workspaces that have no job running.
            speech_providers: The providers whose narrations the worker can have spoken.
            abilities: What else the worker can do that a job may need.

        Returns:
            The claim; None if no job is due, or other workers were faster.

        Raises:
            UnreadableJob: A job was claimed, but a newer version wrote what to render.
        """
        claimant = _Claimant(worker, tuple(providers), tuple(speech_providers), tuple(abilities), deadline, unserved)
        if claimant not in self._claims:
            self._claims[claimant] = self._database.batcher(partial(self._claim, claimant))
        row = await self._claims[claimant].call(None)
        if row is None:
            return None
        token = row["lease_token"]
        lease = Lease(row["job_id"], row["task_id"], row["workspace_id"], token, row["attempt"], row["failed_attempts"])
        event = event_from_row(row, is_milestone=True)
        try:
            spec = await read_render_spec(row["spec"])
        except ValidationError as error:
            raise UnreadableJob(lease, event, ".".join(map(str, error.errors()[0]["loc"]))) from error
        provider = ProviderName(row["provider"])
        return Claim(lease, provider, spec, event, waited=row["waited"], trace_parent=row["trace_parent"])

    async def _claim(self, claimant: "_Claimant", calls: Sequence[None]) -> Sequence[Row | Exception | None]:
        """Claim a job for each call, as long as there are any."""
        rows: list[Row] = []
        count = len(calls)
        while count:
            try:
                found = await self._database.execute(
                    statements.CLAIM,
                    {
                        "count": count,
                        "lease": self._lease,
                        "worker": claimant.worker,
                        "providers": list(claimant.providers),
                        "speech_providers": list(claimant.speech_providers),
                        "abilities": list(claimant.abilities),
                        "deadline": claimant.deadline,
                        "running_quota": self._running_quota,
                        "unserved": claimant.unserved,
                    },
                )
            except DatabaseUnavailable as error:
                # What was claimed before is claimed: those calls must have it.
                return [*rows, *[error] * (len(calls) - len(rows))]
            rows += found
            if not found and count == 1:
                break
            # Only a claim of one job shows that none is due.
            count = len(calls) - len(rows) if found else 1
        return [*rows, *[None] * (len(calls) - len(rows))]

    async def report(
        self,
        lease: Lease,
        *,
        stage: JobStage,
        progress: int,
        message: str,
        alive: bool = False,
        warnings: Sequence[JobWarning] | None = None,
    ) -> Report:
        """Store progress and renew the lease; calls that wait at the same time share a statement.

        A report that is repeated, because its answer was lost, adds no second event to the history.

        Args:
            lease: The attempt's lease.
            stage: The stage of the attempt.
            progress: Percent.
            message: Progress message for people.
            alive: Whether an unchanged report counts as progress, because other workers are known to be working on it.
            warnings: All warnings of the attempt so far; None leaves them as they are stored.

        Raises:
            LeaseLost: The worker no longer holds the job; nothing was changed.
        """
        row = await self._reports.execute(
            {
                "job_id": lease.job_id,
                "token": lease.token,
                "stage": stage,
                "progress": progress,
                "message": message,
                "alive": alive,
                "warnings": None if warnings is None else Jsonb(_dumped(warnings)),
            }
        )
        if row is None:
            raise LeaseLost
        event = event_from_row(row, is_milestone=row["is_milestone"])
        if not event.is_milestone and warnings is None:
            # Progress events are frequent and need not repeat the warnings.
            event = replace(event, warnings=())
        return Report(event, row["cancel_requested"])

    async def renew(self, leases: Sequence[Lease], *, no_progress: timedelta) -> dict[UUID, Renewal]:
        """Renew many leases in one statement.

        Args:
            leases: The leases held.
            no_progress: How long an attempt may make no progress.

        Returns:
            The renewals by lease token; a lease that is missing is lost.
        """
        rows = await self._database.execute(
            statements.RENEW,
            {
                "job_ids": [lease.job_id for lease in leases],
                "tokens": [lease.token for lease in leases],
                "lease": self._lease,
                "no_progress": no_progress,
            },
        )
        return {
            row["lease_token"]: Renewal(row["cancel_requested"], bool(row["past_deadline"]), bool(row["stuck"]))
            for row in rows
        }

    async def complete(
        self,
        lease: Lease,
        raw_results: RawResults | None,
        video: Video | None,
        warnings: Sequence[JobWarning] = (),
    ) -> JobEvent:
        """End a job as COMPLETED and record its video.

        Args:
            lease: The attempt's lease.
            raw_results: The provider's response, if there is one.
            video: The stored video, if this service stores it.
            warnings: Warnings for viewers.

        Raises:
            LeaseLost: The worker no longer holds the job; nothing was changed.
        """
        values = {
            "job_id": lease.job_id,
            "token": lease.token,
            "raw_results": Jsonb(RAW_RESULTS.dump_python(raw_results, mode="json")) if raw_results else None,
            "warnings": Jsonb(_dumped(warnings)),
            **video_to_columns(video),
        }
        # A video is counted by its workspace until the commit, and one transaction must not hold two counts.
        complete = self._completions.execute_alone if video else self._completions.execute
        row = await complete(values)
        if row is None:
            raise LeaseLost
        return event_from_row(row, is_milestone=True)

    async def end_attempt(
        self,
        lease: Lease,
        error: JobError,
        *,
        retryable: bool,
        counted: bool = True,
        delay_at_least: timedelta = timedelta(0),
    ) -> JobEvent:
        """End an attempt that failed: the job waits for another, or is FAILED; CANCELLED if that was requested.

        Args:
            lease: The attempt's lease.
            error: Why it failed.
            retryable: Whether another attempt may succeed; none follows after the job's deadline.
            counted: Whether it counts as one of the attempts that the policy allows to fail.
            delay_at_least: The shortest delay before another attempt.

        Raises:
            LeaseLost: The worker no longer holds the job; nothing was changed.
        """
        row = await self._one(
            statements.END_ATTEMPT,
            job_id=lease.job_id,
            token=lease.token,
            retry=retryable,
            max_failed_attempts=self._retry.max_attempts,
            delay=self._retry.delay(lease.failed_attempts + 1 if counted else lease.attempt, at_least=delay_at_least),
            counted=int(counted),
            retry_message=f"Will be tried again: {error.message}",
            error_reason=error.reason,
            error_message=error.message,
            error_metadata=dict(error.metadata),
        )
        if row is None:
            raise LeaseLost
        return event_from_row(row, is_milestone=True)

    async def was_completed_by(self, lease: Lease) -> bool:
        """Whether this attempt has completed its job; the worker cannot know if the response of `complete` was lost."""
        row = await self._one(statements.WAS_COMPLETED, job_id=lease.job_id, attempt=lease.attempt)
        return row is not None and bool(row["found"])

    async def release(self, lease: Lease) -> JobEvent:
        """Hand a job over, so that another worker continues at once.

        Raises:
            LeaseLost: The worker no longer holds the job; nothing was changed.
        """
        row = await self._one(statements.RELEASE, job_id=lease.job_id, token=lease.token)
        if row is None:
            raise LeaseLost
        return event_from_row(row, is_milestone=True)

    async def reclaim_expired(self, *, batch: int = 100) -> list[JobEvent]:
        """Reclaim expired leases: their jobs are due again, or end if they may not be retried."""
        rows = await self._database.execute(
            statements.RECLAIM_EXPIRED, {"max_failed_attempts": self._retry.max_attempts, "batch": batch}
        )
        return [event_from_row(row, is_milestone=True) for row in rows]

    async def warn_unspoken(self, *, age: timedelta, batch: int = 100) -> list[JobEvent]:
        """Warn of jobs that no worker can speak for, as it seems; return the events to publish.

        Args:
            age: How long a job is due before it has a warning.
            batch: The most jobs to change.
        """
        rows = await self._database.execute(WARN_UNSPOKEN, {"age": age, "batch": batch})
        return [event_from_row(row, is_milestone=False) for row in rows]

    async def warn_unserved(self, *, age: timedelta, batch: int = 100) -> list[JobEvent]:
        """Warn of jobs that need what no worker can do, as it seems; return the events to publish.

        Args:
            age: How long a job is due before it has a warning.
            batch: The most jobs to change.
        """
        rows = await self._database.execute(WARN_UNSERVED, {"age": age, "batch": batch})
        return [event_from_row(row, is_milestone=False) for row in rows]

    async def settle_turns(self, *, batch: int = 100) -> int:
        """Keep claims from trying workspaces that have no job due; return how many were found.

        Args:
            batch: How many workspaces to check, from the one whose turn is next.
        """
        return len(await self._database.execute(statements.SETTLE_TURNS, {"batch": batch}))

    async def cancel(self, workspace_id: str, job_id: UUID) -> JobEvent | None:
        """Cancel a job: at once where it is PENDING, else by requesting it from its worker. Ended jobs are unchanged.

        Returns:
            The event to publish if the job was cancelled at once.
        """
        row = await self._one(statements.CANCEL, workspace_id=workspace_id, job_id=job_id)
        return event_from_row(row, is_milestone=True) if row is not None else None

    async def _one(self, statement: Statement, **parameters: object) -> Row | None:
        rows = await self._database.execute(statement, parameters)
        return rows[0] if rows else None


def _dumped(warnings: Sequence[JobWarning]) -> Any:
    return WARNINGS.dump_python(distinct_warnings(warnings), mode="json")
