"""The statement that stores new jobs: those of all callers that wait at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb
from pydantic_core import to_json

from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.prepared import Row, Statement
from render_service.db.row_mapping import EVENT_COLUMNS, OWN_COLUMNS
from render_service.domain.access.audit import Action, Origin
from render_service.domain.access.quota import QuotaName, Quotas
from render_service.domain.jobs.request import JobRequest

# All jobs of a statement are one parameter: of an array, psycopg would escape the quotes of the specs one by one.
JOB_TYPES = {
    "id": "uuid",
    "task_id": "uuid",
    "workspace_id": "text",
    "project_id": "uuid",
    "provider": "text",
    "spec": "jsonb",
    "labels": "jsonb",
    "request_id": "uuid",
    "request_hash": "bytea",
    "priority": "smallint",
    "trace_parent": "text",
    "webhook": "jsonb",
    "title": "text",
    "speech_provider": "text",
    "needs": "jsonb",
    "is_sent": "boolean",
    "most_queued": "bigint",
    "most_stored": "bigint",
    "principal": "text",
    "principal_name": "text",
    "peer": "text",
    "call_id": "uuid",
}
"""The values of a job to store, by their names in `NewJob.encoded`, with their types."""

# The jobs are all of one workspace. Returns a row for each, without a job if it would exceed a quota or its request_id
# was taken; of requests with one request_id, only the first takes a place in the queue. A new job has neither a video
# nor costs. Transactions lock in one order: first the queue of the workspace, which those that are not counted share,
# then the request_ids.
_INSERT = Statement(f"""
    WITH requested AS MATERIALIZED (
        SELECT * FROM ROWS FROM (
            jsonb_to_recordset(CAST(:jobs AS jsonb)) AS ({", ".join(map(" ".join, JOB_TYPES.items()))})
        ) WITH ORDINALITY AS requested({", ".join(JOB_TYPES)}, place)
    ), used AS MATERIALIZED (
        SELECT (SELECT video_bytes FROM workspace_storage WHERE workspace_id = :of_workspace) AS stored_bytes,
            CASE WHEN :is_counted THEN queued_jobs(
                :of_workspace, (SELECT min(most_queued) FROM requested), (SELECT count(*) FROM requested)
            ) ELSE (
                SELECT CAST(NULL AS bigint)
                FROM pg_advisory_xact_lock_shared(hashtextextended(:of_workspace || ' PENDING', 0))
            ) END AS jobs
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY coalesce(request_id, id) ORDER BY place) = 1 AS is_first
        FROM requested
    ), admitted AS MATERIALIZED (
        SELECT ranked.*, CASE
            WHEN used.stored_bytes >= most_stored THEN '{QuotaName.STORED_BYTES}'
            WHEN used.jobs + count(*) FILTER (WHERE is_first) OVER (ORDER BY place) > most_queued
            THEN '{QuotaName.QUEUED_JOBS}'
        END AS exceeded
        FROM ranked, used
    ), changed AS (
        INSERT INTO jobs (id, task_id, workspace_id, project_id, provider, spec, labels, request_id, request_hash,
            priority, trace_parent, webhook, title, speech_provider, needs, enqueued_at, message)
        SELECT id, task_id, workspace_id, project_id, provider, spec, labels, request_id, request_hash,
            priority, trace_parent, webhook, title, speech_provider,
            ARRAY(SELECT jsonb_array_elements_text(needs)), CASE WHEN is_sent THEN now() END, 'Waiting for a worker'
        FROM admitted WHERE exceeded IS NULL ORDER BY request_id, place
        ON CONFLICT (workspace_id, request_id) WHERE request_id IS NOT NULL DO NOTHING
        RETURNING jobs.*
    ), appended AS (
        INSERT INTO job_events (job_id, xid, {EVENT_COLUMNS})
        SELECT id, event_xid, {EVENT_COLUMNS} FROM changed
    ), audited AS (
        INSERT INTO audit_log (workspace_id, principal, principal_name, action, target, peer, request_id)
        SELECT requested.workspace_id, principal, principal_name, '{Action.JOB_STARTED}', id, peer, call_id
        FROM requested WHERE principal IS NOT NULL AND id IN (SELECT id FROM changed)
    )
    SELECT admitted.exceeded, changed.id AS job_id, changed.updated_at AS timestamp, NULL AS files, NULL AS cost,
        {", ".join(f"changed.{name}" for name in OWN_COLUMNS.split(", "))}
    FROM admitted LEFT JOIN changed ON changed.id = admitted.id ORDER BY admitted.place
""")


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to store.

    Args:
        workspace_id: Its workspace.
        quotas: Those of its workspace.
        encoded: Its values as JSON, by their names in JOB_TYPES.
        is_sent: Whether its message is sent once it is stored; otherwise it is due in the outbox.
    """

    workspace_id: str
    quotas: Quotas
    encoded: bytes
    is_sent: bool


def new_job(
    request: JobRequest, spec: bytes, quotas: Quotas, *, origin: Origin | None, is_sent: bool = False
) -> NewJob:
    """Return a job to store, with new ids.

    Args:
        request: The job.
        spec: Its spec as JSON.
        quotas: Those of its workspace.
        origin: Who starts it, and from where; None leaves no entry in the audit log.
        is_sent: Whether the job's message is sent once it is stored; otherwise it is due in the outbox.

    Raises:
        ValueError: A text holds half a surrogate pair.
    """
    options = request.options
    values = {
        "id": uuid4(),
        "task_id": uuid4(),
        "workspace_id": request.workspace_id,
        "project_id": request.project_id,
        "provider": request.provider,
        "labels": dict(options.labels),
        "request_id": options.request_id,
        "request_hash": f"\\x{options.request_hash.hex()}",
        "priority": options.priority,
        "trace_parent": options.trace_parent,
        "webhook": options.webhook,
        "title": request.spec.project.title,
        "speech_provider": request.spec.speech.first.provider if request.is_spoken else None,
        "needs": request.needs,
        "is_sent": is_sent,
        "most_queued": quotas.queued_jobs,
        "most_stored": quotas.stored_bytes,
    }
    if origin is not None:
        values |= {
            "principal": origin.principal,
            "principal_name": origin.principal_name,
            "peer": origin.peer,
            "call_id": origin.request_id,
        }
    # The spec, by far the largest value, is copied as it is.
    return NewJob(request.workspace_id, quotas, b'%b,"spec":%b}' % (to_json(values)[:-1], spec), is_sent)


async def insert_jobs(database: Database, jobs: Sequence[NewJob]) -> list[Row | Exception]:
    """Store jobs, their first events and their entries in the audit log in one transaction.

    A job that the database refuses, for example because a label holds a NUL character, must not take others along:
    the jobs are then stored one by one.

    Args:
        database: Where to store them.
        jobs: The jobs; all of one workspace.

    Returns:
        For each its row, with a null `job_id` if it was not stored, and the quota that it would have `exceeded`; or the
        exception. Where Postgres becomes unavailable while jobs are stored one by one, DatabaseUnavailable for those
        not yet stored.

    Raises:
        DatabaseUnavailable: Postgres is unavailable.
    """
    parameters = {
        "jobs": Jsonb(b"[%b]" % b",".join(job.encoded for job in jobs), dumps=bytes),
        "of_workspace": jobs[0].workspace_id,
        "is_counted": any(job.quotas.queued_jobs is not None for job in jobs),
    }
    try:
        return [*await database.execute(_INSERT, parameters)]
    except psycopg.Error as error:
        if len(jobs) == 1:
            return [error]
    results: list[Row | Exception] = []
    for job in jobs:
        try:
            results += await insert_jobs(database, [job])
        except DatabaseUnavailable as error:
            results += [error] * (len(jobs) - len(results))
            break
    return results
