"""The statements that change batches.

A transaction that changes rows of a batch locks the batch first, so that each of its statements finds the rows as the
last one left them. Jobs are locked after their batch, and nothing locks a batch after a job.
"""

import sqlalchemy as sa

from render_service.db.jobs.job_inserts import JOB_TYPES
from render_service.db.jobs.job_lifecycle_sql import RETURNED
from render_service.db.row_mapping import EVENT_COLUMNS

_ACTIVE = "jobs.batch_id = {batch} AND jobs.status IN ('PENDING', 'PROCESSING')"
_WAITING = "SELECT FROM batch_rows AS waiting WHERE waiting.batch_id = {batch} AND waiting.state = 'WAITING'"
_COUNTED = """
    SELECT coalesce(jsonb_object_agg(state, number), '{{}}') FROM (
        SELECT CASE batch_rows.state WHEN 'STARTED' THEN coalesce(jobs.status, 'DELETED') ELSE batch_rows.state END
            AS state, count(*) AS number
        FROM batch_rows LEFT JOIN jobs ON jobs.id = batch_rows.job_id
        WHERE batch_rows.batch_id = {batch} GROUP BY 1
    ) AS counted
"""
COLUMNS = f"""
    batches.id, batches.workspace_id, batches.request_id, batches.project_id, batches.title, batches.rows,
    batches.max_running, batches.cancel_requested, batches.created_at, batches.ended_at,
    CASE WHEN batches.ended_at IS NULL THEN ({_COUNTED.format(batch="batches.id")}) ELSE batches.counts END AS counts
"""
"""What a batch is read from; the rows of one that has ended are not counted again."""

INSERT = sa.text("""
    INSERT INTO batches (id, workspace_id, request_id, request_hash, project_id, title, max_running)
    VALUES (:id, :workspace_id, :request_id, :request_hash, :project_id, :title, :max_running)
""")
ADD_ROWS = sa.text("""
    INSERT INTO batch_rows (batch_id, row, key, job_id, job, bytes)
    SELECT :batch_id, given.row, given.key, CAST(given.job ->> 'id' AS uuid), given.job, given.bytes
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given(row integer, key text, job jsonb, bytes integer)
""")
DELETE_ROWS = sa.text("""
    DELETE FROM batch_rows WHERE batch_id = :id
        AND row IN (SELECT row FROM batch_rows WHERE batch_id = :id ORDER BY row LIMIT :count)
        AND EXISTS (SELECT FROM batches WHERE id = :id AND accepted_at IS NULL)
""")
DELETE = sa.text("DELETE FROM batches WHERE id = :id AND accepted_at IS NULL")
LOCK_QUEUE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:workspace_id AS text) || ' PENDING', 0))")
# Run after LOCK_QUEUE, which is why it finds all that was admitted before. Rows that wait are jobs that the queue will
# have: they count, though for batches only.
USED = sa.text("""
    SELECT queued_jobs(:workspace_id, :most_queued, :more + waiting.rows) + waiting.rows AS queued
    FROM (
        SELECT count(*) AS rows FROM batches JOIN batch_rows ON batch_rows.batch_id = batches.id
        WHERE batches.workspace_id = :workspace_id AND batches.ended_at IS NULL AND batches.accepted_at IS NOT NULL
            AND batch_rows.state = 'WAITING'
    ) AS waiting
""")
STORED = sa.text("SELECT video_bytes FROM workspace_storage WHERE workspace_id = :workspace_id")
ACCEPT = sa.text("""
    UPDATE batches SET accepted_at = now(), rows = :rows WHERE id = :id
""")
STARTED_BY = sa.text(f"""
    SELECT {COLUMNS}, request_hash FROM batches
    WHERE workspace_id = :workspace_id AND request_id = :request_id AND accepted_at IS NOT NULL
""")
GET = sa.text(f"SELECT {COLUMNS} FROM batches WHERE id = :id AND accepted_at IS NOT NULL")
LIST = sa.text(f"""
    SELECT {COLUMNS} FROM batches
    WHERE workspace_id = :workspace_id AND accepted_at IS NOT NULL
        AND (CAST(:after_time AS timestamptz) IS NULL OR (created_at, id) < (:after_time, CAST(:after_id AS uuid)))
    ORDER BY created_at DESC, id DESC LIMIT :most
""")
LOCK = sa.text("""
    SELECT cancel_requested OR ended_at IS NOT NULL AS is_stopped FROM batches
    WHERE id = :id AND accepted_at IS NOT NULL FOR NO KEY UPDATE
""")
LOCK_RUNNING = sa.text("""
    SELECT max_running, cancel_requested FROM batches
    WHERE id = :id AND accepted_at IS NOT NULL AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
""")
# The batches that can go on: rows may start, jobs are to be cancelled, or all has ended. The oldest few of each
# workspace take turns. Where they are too many, chance decides between workspaces, so that none is left out for long.
READY = sa.text(f"""
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY workspace_id ORDER BY created_at, id) AS turn FROM batches
        WHERE ended_at IS NULL AND accepted_at IS NOT NULL AND id <> ALL(CAST(:without AS uuid[])) AND CASE
            WHEN cancel_requested AND EXISTS (
                SELECT FROM jobs WHERE {_ACTIVE.format(batch="batches.id")} AND NOT jobs.cancel_requested
            ) THEN true
            WHEN EXISTS ({_WAITING.format(batch="batches.id")}) THEN
                max_running IS NULL
                OR max_running > (SELECT count(*) FROM jobs WHERE {_ACTIVE.format(batch="batches.id")})
            ELSE NOT EXISTS (SELECT FROM jobs WHERE {_ACTIVE.format(batch="batches.id")})
        END
    ) AS ready
    WHERE turn <= 10 ORDER BY turn, random() LIMIT 100
""")
RUNNING = sa.text(f"SELECT count(*) FROM jobs WHERE {_ACTIVE.format(batch=':id')}")

_OWN = ("id", "task_id", "workspace_id", "project_id", "provider", "spec", "labels", "priority", "trace_parent")
_FURTHER = ("webhook", "title", "speech_provider")
_COPIED = ", ".join((*_OWN, *_FURTHER))
_TYPED = ", ".join(f"{name} {kind}" for name, kind in JOB_TYPES.items() if name in (*_OWN, *_FURTHER, "needs"))
# As many of the first rows as have :most_bytes together; one at least, of any size.
_FITTING = """
    SELECT row FROM (SELECT row, bytes, sum(bytes) OVER (ORDER BY row) AS total FROM ({rows}) AS next) AS measured
    WHERE total <= :most_bytes OR total = bytes
"""
_NEXT = "SELECT row, bytes FROM batch_rows WHERE batch_id = :id AND state = 'WAITING' ORDER BY row LIMIT :count"
# WAITING → STARTED: the next rows become jobs. Those that add jobs to a workspace share the lock of its queue. The jobs
# of a statement have times a microsecond apart, in the order of their rows: so they are listed and claimed in it.
START_ROWS = sa.text(f"""
    WITH queue AS MATERIALIZED (
        SELECT pg_advisory_xact_lock_shared(hashtextextended(workspace_id || ' PENDING', 0))
        FROM batches WHERE id = :id
    ), waiting AS MATERIALIZED (
        SELECT batch_rows.row AS batch_row, batch_rows.key AS batch_key, batch_rows.job,
            now() - row_number() OVER (ORDER BY batch_rows.row DESC) * interval '1 us' AS at
        FROM queue CROSS JOIN ({_FITTING.format(rows=_NEXT)}) AS fitting
            JOIN batch_rows ON batch_rows.batch_id = :id AND batch_rows.row = fitting.row
    ), changed AS (
        INSERT INTO jobs ({_COPIED}, needs, batch_id, batch_row, batch_key, created_at, run_after, message)
        SELECT {_COPIED}, ARRAY(SELECT jsonb_array_elements_text(needs)), :id, batch_row, batch_key, at, at,
            'Waiting for a worker'
        FROM waiting CROSS JOIN LATERAL jsonb_to_record(waiting.job) AS job({_TYPED})
        RETURNING jobs.*
    ), appended AS (
        INSERT INTO job_events (job_id, xid, {EVENT_COLUMNS})
        SELECT id, event_xid, {EVENT_COLUMNS} FROM changed
    ), started AS (
        UPDATE batch_rows SET state = 'STARTED', job = NULL FROM waiting
        WHERE batch_rows.batch_id = :id AND batch_rows.row = waiting.batch_row
    )
    SELECT {RETURNED} FROM changed
""")
# As the statement that cancels one job; jobs whose worker reports at this moment are left for the next run.
CANCEL_JOBS = sa.text(f"""
    WITH active AS MATERIALIZED (
        SELECT id FROM jobs WHERE {_ACTIVE.format(batch=":id")} AND NOT cancel_requested
        ORDER BY id LIMIT :count FOR NO KEY UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE jobs SET
            cancel_requested = true,
            status = CASE status WHEN 'PENDING' THEN 'CANCELLED' ELSE status END,
            message = CASE status WHEN 'PENDING' THEN 'Cancelled' ELSE message END,
            sequence = sequence + CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
            event_xid = greatest(event_xid, pg_current_xact_id()),
            milestone = milestone + CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
            finished_at = CASE status WHEN 'PENDING' THEN now() END,
            updated_at = now()
        FROM active WHERE jobs.id = active.id
        RETURNING jobs.*
    ), appended AS (
        INSERT INTO job_events (job_id, xid, {EVENT_COLUMNS})
        SELECT id, event_xid, {EVENT_COLUMNS} FROM changed WHERE status = 'CANCELLED'
    )
    SELECT {RETURNED} FROM changed
""")
CANCEL = sa.text("UPDATE batches SET cancel_requested = true WHERE id = :id AND ended_at IS NULL")
CANCEL_ROWS = sa.text("UPDATE batch_rows SET state = 'CANCELLED' WHERE batch_id = :id AND state = 'WAITING'")
END = sa.text(f"""
    UPDATE batches SET ended_at = now(), counts = ({_COUNTED.format(batch=":id")})
    WHERE id = :id AND NOT EXISTS ({_WAITING.format(batch=":id")})
        AND NOT EXISTS (SELECT FROM jobs WHERE {_ACTIVE.format(batch=":id")})
    RETURNING {COLUMNS}
""")
RETRIABLE = sa.text("""
    SELECT count(*) FROM batch_rows LEFT JOIN jobs ON jobs.id = batch_rows.job_id AND batch_rows.state = 'STARTED'
    WHERE batch_rows.batch_id = :id AND (
        jobs.status = 'FAILED' OR :include_cancelled AND (jobs.status = 'CANCELLED' OR batch_rows.state = 'CANCELLED')
    )
""")
_RETRIED = """
    SELECT batch_rows.row, batch_rows.bytes FROM batch_rows JOIN jobs ON jobs.id = batch_rows.job_id
    WHERE batch_rows.batch_id = :id AND batch_rows.state = 'STARTED' AND batch_rows.row > :after
        AND (jobs.status = 'FAILED' OR :include_cancelled AND jobs.status = 'CANCELLED')
    ORDER BY batch_rows.row LIMIT :count
"""
# STARTED → WAITING: the row gets a new job with what its last one was to render.
RETRY_ROWS = sa.text(f"""
    WITH ended AS MATERIALIZED (
        SELECT batch_rows.row AS place, gen_random_uuid() AS new_id, jobs.*
        FROM ({_FITTING.format(rows=_RETRIED)}) AS fitting
            JOIN batch_rows ON batch_rows.batch_id = :id AND batch_rows.row = fitting.row
            JOIN jobs ON jobs.id = batch_rows.job_id
    )
    UPDATE batch_rows SET state = 'WAITING', job_id = ended.new_id, job = jsonb_build_object(
        'id', ended.new_id, 'task_id', gen_random_uuid(), 'needs', to_jsonb(ended.needs),
        {", ".join(f"'{name}', ended.{name}" for name in (*_OWN[2:], *_FURTHER))}
    )
    FROM ended WHERE batch_rows.batch_id = :id AND batch_rows.row = ended.place
    RETURNING batch_rows.row
""")
RETRY_CANCELLED_ROWS = sa.text("""
    UPDATE batch_rows SET state = 'WAITING' WHERE batch_id = :id AND state = 'CANCELLED'
""")
RESUME = sa.text("UPDATE batches SET cancel_requested = false, ended_at = NULL, counts = NULL WHERE id = :id")

# Ends are read in the order in which `WorkspaceEvents` reads events, and for the same reason. `:since` keeps the jobs
# that ended long before the last one that was read from being read again: no transaction is open that long. Of a row
# that was retried, only the latest job counts.
ENDS = sa.text("""
    SELECT jobs.id AS job_id, jobs.batch_row, jobs.batch_key, e.status, e.error_reason, e.error_message, e.created_at,
        CAST(CAST(e.xid AS text) AS bigint) AS xid, e.id,
        e.xid < pg_snapshot_xmin(pg_current_snapshot()) AS settled
    FROM jobs
        JOIN batch_rows ON batch_rows.batch_id = jobs.batch_id AND batch_rows.row = jobs.batch_row
            AND batch_rows.job_id = jobs.id
        JOIN job_events AS e ON e.job_id = jobs.id AND e.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
    WHERE jobs.batch_id = :id AND jobs.finished_at > CAST(:since AS timestamptz) - interval '2 minutes'
        AND (e.xid, e.id) > (CAST(CAST(:xid AS text) AS xid8), CAST(:event_id AS bigint))
    ORDER BY e.xid, e.id LIMIT :count
""").bindparams(sa.bindparam("xid", type_=sa.Text))
# Callers see a batch no longer before the first of its rows is deleted, nor can they retry it.
EXPIRE = sa.text("""
    UPDATE batches SET accepted_at = NULL WHERE id IN (
        SELECT id FROM batches
        WHERE ended_at < now() - CAST(:age AS interval) AND NOT EXISTS (SELECT FROM jobs WHERE batch_id = batches.id)
        ORDER BY ended_at LIMIT :batch FOR UPDATE SKIP LOCKED
    )
    RETURNING id
""")
UNACCEPTED = sa.text("""
    SELECT id FROM batches
    WHERE accepted_at IS NULL AND ended_at IS NULL AND created_at < now() - CAST(:age AS interval)
    ORDER BY created_at LIMIT :batch
""")
