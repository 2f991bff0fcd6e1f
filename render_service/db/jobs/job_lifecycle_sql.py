"""The statements that change a job's state, one for each transition of the state machine.

All have one form: the CTE `changed` updates rows that are in the right state, `appended` adds the change to the
history, and the changed rows are returned as events to be published. A statement that finds nothing to change returns
no rows.

A transaction may get its id, wait for the row, and write after a transaction with a greater id. `event_xid` therefore
never decreases within a job, so that readers by transaction id also see the events of a job in the order of sequences.

Rows are locked FOR NO KEY UPDATE, as UPDATE itself does: FOR UPDATE would also skip, or wait for, a job whose key is
only shared, by a foreign key that is checked or a delivery that ends.
"""

from collections.abc import Mapping

from render_service.db.prepared import Statement
from render_service.db.row_mapping import EVENT_COLUMNS

_APPENDED = f"""
    appended AS (
        INSERT INTO job_events (job_id, xid, {EVENT_COLUMNS})
        SELECT id, event_xid, {EVENT_COLUMNS} FROM changed
    )
"""
RETURNED = f"changed.id AS job_id, changed.task_id, changed.updated_at AS timestamp, {EVENT_COLUMNS}"

# How many jobs of a workspace may run; null: any number.
_MOST = """
    CASE WHEN own.limits ? 'running_jobs' THEN CAST(own.limits ->> 'running_jobs' AS bigint)
         ELSE CAST(:running_quota AS bigint) END
"""
# The waiting jobs of a workspace by what they ask of a worker: as few rows as there are kinds of them, in the order of
# the index `jobs_pending_by_kind`. So a claim passes over all jobs that its worker cannot do at once.
_KIND = "provider, coalesce(speech_provider, ''), needs"
_KINDS = f"""
    WITH RECURSIVE kinds AS (
        (
            SELECT provider, speech_provider, needs FROM jobs
            WHERE workspace_id = turn.workspace_id AND status = 'PENDING'
            ORDER BY workspace_id, {_KIND} LIMIT 1
        )
        UNION ALL
        SELECT next.* FROM kinds CROSS JOIN LATERAL (
            SELECT provider, speech_provider, needs FROM jobs
            WHERE workspace_id = turn.workspace_id AND status = 'PENDING'
                AND ({_KIND}) > (kinds.provider, coalesce(kinds.speech_provider, ''), kinds.needs)
            ORDER BY workspace_id, {_KIND} LIMIT 1
        ) AS next
    )
    SELECT * FROM kinds
    WHERE provider = ANY(:providers) AND (speech_provider IS NULL OR speech_provider = ANY(:speech_providers))
        AND needs <@ CAST(:abilities AS text[])
"""
_OF_KIND = """
    jobs.workspace_id = turn.workspace_id AND status = 'PENDING' AND run_after <= now()
        AND jobs.provider = kind.provider AND coalesce(jobs.speech_provider, '') = coalesce(kind.speech_provider, '')
        AND jobs.needs = kind.needs
"""
# Turns are tried one after another until enough yield a job, so that only these jobs are locked: the subquery must stay
# lateral, and the capacity must be checked last, because that locks the workspace's count. A claim of one job waits for
# that lock. A claim of several does not: with several locks, it could wait for one that waits for it.
#
# Likewise the first jobs of all kinds are tried one after another, in their order, so that a job that another claim
# has locked leads to the next one, of whichever kind. Only if all of those are locked, as by a dispatcher for a moment,
# the first that is free of some kind is taken.
_FIRST_OF_KIND = 8
_FIRST_DUE = f"""
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT job.id, job.workspace_id FROM (
                SELECT first.* FROM ({_KINDS}) AS kind CROSS JOIN LATERAL (
                    SELECT priority, run_after, id FROM jobs WHERE {_OF_KIND}
                    ORDER BY priority DESC, run_after, id LIMIT {_FIRST_OF_KIND}
                ) AS first
                ORDER BY first.priority DESC, first.run_after, first.id
            ) AS first CROSS JOIN LATERAL (
                SELECT id, workspace_id FROM jobs WHERE jobs.id = first.id AND status = 'PENDING'
                FOR NO KEY UPDATE SKIP LOCKED
            ) AS job
            LIMIT 1
        ) AS among_first
        UNION ALL
        SELECT * FROM (
            SELECT job.id, job.workspace_id FROM ({_KINDS}) AS kind CROSS JOIN LATERAL (
                SELECT id, workspace_id FROM jobs WHERE {_OF_KIND}
                ORDER BY priority DESC, run_after, id
                FOR NO KEY UPDATE SKIP LOCKED
                LIMIT 1
            ) AS job
            LIMIT 1
        ) AS beyond
        LIMIT 1
    ) AS due
    WHERE turn.most IS NULL OR CASE
        WHEN CAST(:count AS bigint) = 1
            OR pg_try_advisory_xact_lock(hashtextextended(due.workspace_id || ' PROCESSING', 0))
        THEN workspace_has_room(due.workspace_id, 'PROCESSING', turn.most) ELSE false END
    LIMIT CAST(:count AS bigint)
"""

# PENDING → PROCESSING. Workspaces take turns: first the one with the fewest running jobs; among equals, the one that
# was served least recently. Within a workspace, the job with the highest priority comes first, then the one that has
# waited longest. The cost depends on how many jobs run, not on how many jobs or workspaces wait: `workspace_turns` has
# the waiting workspaces in their order. Those that have jobs running are passed over, and tried afterwards. The others
# are read one by one, as the turns are tried: a subquery with all of them would be sorted first.
#
# Several jobs are claimed as if one after the other: each workspace gets at most one, and of those that have jobs
# running, only the ones with the fewest. So there may be fewer than wanted, or none, although more are due; a claim of
# a single job finds one if any is due.
_NEXT_TURN = f"""
    SELECT served_at, turns.workspace_id, {_MOST} AS most
    FROM workspace_turns AS turns LEFT JOIN workspace_quotas AS own USING (workspace_id)
    WHERE due_at < 'infinity' AND due_at <= now() AND turns.workspace_id <> ALL(ARRAY(SELECT workspace_id FROM running))
        AND ({_MOST} > 0) IS NOT FALSE
"""
CLAIM = Statement(
    f"""
    WITH RECURSIVE running AS MATERIALIZED (
        SELECT workspace_id, count(*) AS jobs FROM jobs WHERE status = 'PROCESSING' GROUP BY workspace_id
    ), idle AS (
        ({_NEXT_TURN} ORDER BY served_at, turns.workspace_id LIMIT 1)
        UNION ALL
        SELECT next.* FROM idle CROSS JOIN LATERAL (
            {_NEXT_TURN} AND (served_at, turns.workspace_id) > (idle.served_at, idle.workspace_id)
            ORDER BY served_at, turns.workspace_id LIMIT 1
        ) AS next
    ), of_idle AS MATERIALIZED (
        SELECT due.id FROM idle AS turn {_FIRST_DUE}
    ), of_busy AS (
        SELECT due.id FROM (
            SELECT turns.workspace_id, {_MOST} AS most
            FROM running JOIN workspace_turns AS turns USING (workspace_id)
                LEFT JOIN workspace_quotas AS own USING (workspace_id)
            WHERE due_at <= now() AND (running.jobs < {_MOST}) IS NOT FALSE
                AND NOT CAST(:unserved AS boolean) AND NOT EXISTS (SELECT FROM of_idle)
                AND (CAST(:count AS bigint) = 1 OR running.jobs = (
                    SELECT min(jobs) FROM running JOIN workspace_turns USING (workspace_id) WHERE due_at <= now()
                ))
            ORDER BY running.jobs, served_at, turns.workspace_id
        ) AS turn {_FIRST_DUE}
    ), next AS (
        SELECT id FROM of_idle UNION ALL SELECT id FROM of_busy
    ), changed AS (
        UPDATE jobs SET
            status = 'PROCESSING', stage = 'PREPARING', progress = 0, message = 'Claimed by a worker',
            warnings = '[]',
            attempt = attempt + 1,
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = gen_random_uuid(), lease_expires_at = now() + :lease, worker = :worker,
            started_at = coalesce(started_at, now()), deadline_at = coalesce(deadline_at, now() + :deadline),
            progressed_at = now(), updated_at = now()
        FROM next WHERE jobs.id = next.id
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {RETURNED}, lease_token, provider, spec, failed_attempts, trace_parent,
        greatest(changed.updated_at - changed.run_after, interval '0') AS waited
    FROM changed
""",
    is_planned_once=True,
)


# Reports and ends of several jobs share a statement. What locks several running jobs does so in the order of their ids.
def _held(columns: Mapping[str, str], more: str = "") -> str:
    """Return the CTE that locks the jobs whose lease is held, for arrays of `columns`, each with its type."""
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in columns.items())
    return f"""
        held AS MATERIALIZED (
            SELECT jobs.id, given.*{more}
            FROM unnest({arrays}) WITH ORDINALITY AS given({", ".join(f"new_{name}" for name in columns)}, place)
                JOIN jobs ON jobs.id = new_job_id AND jobs.lease_token = new_token
            ORDER BY jobs.id
            FOR NO KEY UPDATE OF jobs
        )
    """


# PROCESSING → PROCESSING: progress; an event is added to the history only if the stage changed. Postgres compares the
# stages: the worker does not know the stored one where the answer to its last report was lost.
_REPORTED = _held(
    {
        "job_id": "uuid",
        "token": "uuid",
        "stage": "text",
        "progress": "smallint",
        "message": "text",
        "alive": "boolean",
        "warnings": "jsonb",
    },
    ", stage IS DISTINCT FROM new_stage AS is_milestone",
)
REPORT = Statement(f"""
    WITH {_REPORTED}, changed AS (
        UPDATE jobs SET
            stage = new_stage, progress = greatest(progress, new_progress), message = new_message,
            warnings = coalesce(new_warnings, warnings),
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, milestone = milestone + CASE WHEN is_milestone THEN 1 ELSE 0 END,
            progressed_at = CASE WHEN is_milestone OR new_progress > progress OR new_alive THEN now()
                ELSE progressed_at END,
            lease_expires_at = now() + :lease, updated_at = now()
        FROM held WHERE jobs.id = held.id
        RETURNING jobs.*, place, is_milestone
    ), appended AS (
        INSERT INTO job_events (job_id, xid, {EVENT_COLUMNS})
        SELECT id, event_xid, {EVENT_COLUMNS} FROM changed WHERE is_milestone
    )
    SELECT {RETURNED}, cancel_requested, place, is_milestone FROM changed
""")

# PROCESSING → PROCESSING: only the lease changes.
RENEW = Statement("""
    WITH held AS MATERIALIZED (
        SELECT id FROM jobs WHERE status = 'PROCESSING' AND id = ANY(:job_ids) AND lease_token = ANY(:tokens)
        ORDER BY id
        FOR NO KEY UPDATE
    )
    UPDATE jobs SET lease_expires_at = now() + :lease FROM held WHERE jobs.id = held.id
    RETURNING lease_token, cancel_requested, deadline_at < now() AS past_deadline,
        progressed_at < now() - CAST(:no_progress AS interval) AS stuck
""")

# PROCESSING → COMPLETED, with the video's record.
_COMPLETED = _held(
    {
        "job_id": "uuid",
        "token": "uuid",
        "raw_results": "jsonb",
        "warnings": "jsonb",
        "files": "jsonb",
        "width": "integer",
        "height": "integer",
        "fps": "integer",
        "frames": "bigint",
        "checked": "jsonb",
        "audio_tracks": "jsonb",
        "outputs": "jsonb",
        "size_bytes": "bigint",
    }
)
COMPLETE = Statement(f"""
    WITH {_COMPLETED}, changed AS (
        UPDATE jobs SET
            status = 'COMPLETED', stage = NULL, progress = 100, message = 'Completed', raw_results = new_raw_results,
            warnings = new_warnings,
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL, finished_at = now(), updated_at = now()
        FROM held WHERE jobs.id = held.id
        RETURNING jobs.*, place
    ), recorded AS (
        INSERT INTO videos (job_id, workspace_id, files, width, height, fps, frames, checked, audio_tracks, outputs,
            size_bytes)
        SELECT changed.id, workspace_id, new_files, new_width, new_height, new_fps, new_frames, new_checked,
            new_audio_tracks, new_outputs, new_size_bytes
        FROM changed JOIN held USING (place) WHERE new_files IS NOT NULL
    ), {_APPENDED}
    SELECT {RETURNED}, place FROM changed
""")

WAS_COMPLETED = Statement("SELECT status = 'COMPLETED' AND attempt = :attempt AS found FROM jobs WHERE id = :job_id")

# PROCESSING → PENDING for another attempt | FAILED | CANCELLED if that was requested meanwhile.
END_ATTEMPT = Statement(
    f"""
    WITH ended AS (
        SELECT id, CASE
            WHEN cancel_requested THEN 'CANCELLED'
            WHEN :retry AND deadline_at > now() AND failed_attempts + :counted < :max_failed_attempts THEN 'PENDING'
            ELSE 'FAILED' END AS next
        FROM jobs WHERE id = :job_id AND lease_token = :token
        FOR NO KEY UPDATE
    ), changed AS (
        UPDATE jobs SET
            status = next, stage = NULL,
            message = CASE next WHEN 'CANCELLED' THEN 'Cancelled' WHEN 'PENDING' THEN :retry_message ELSE 'Failed' END,
            failed_attempts = failed_attempts + :counted,
            run_after = CASE next WHEN 'PENDING' THEN now() + :delay ELSE run_after END, enqueued_at = NULL,
            error_reason = CASE next WHEN 'CANCELLED' THEN NULL ELSE :error_reason END,
            error_message = CASE next WHEN 'CANCELLED' THEN NULL ELSE :error_message END,
            error_metadata = CASE next WHEN 'CANCELLED' THEN NULL ELSE CAST(:error_metadata AS jsonb) END,
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL,
            finished_at = CASE next WHEN 'PENDING' THEN NULL ELSE now() END, updated_at = now()
        FROM ended WHERE jobs.id = ended.id
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {RETURNED} FROM changed
""",
    json=frozenset({"error_metadata"}),
)

# PROCESSING → PENDING at once, because the worker shuts down; no attempt is counted as failed. `run_after` is
# unchanged, here and after an expired lease, so that the job stays ahead of later ones.
RELEASE = Statement(f"""
    WITH changed AS (
        UPDATE jobs SET
            status = CASE WHEN cancel_requested THEN 'CANCELLED' ELSE 'PENDING' END, stage = NULL,
            message = CASE WHEN cancel_requested THEN 'Cancelled' ELSE 'Handed over to another worker' END,
            enqueued_at = NULL,
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL,
            finished_at = CASE WHEN cancel_requested THEN now() END, updated_at = now()
        WHERE id = :job_id AND lease_token = :token
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {RETURNED} FROM changed
""")

# PROCESSING with an expired lease → PENDING | FAILED | CANCELLED. The turns are taken while `expired` is read, in the
# order of the workspaces: the update, whose trigger takes them too, may have another order, and two transactions that
# wait for each other's turns would be a deadlock.
RECLAIM_EXPIRED = Statement(f"""
    WITH expired AS MATERIALIZED (
        SELECT id, next, past_deadline,
            CASE next WHEN 'PENDING' THEN expect_turn(workspace_id, run_after) END AS turn
        FROM (
            SELECT id, workspace_id, run_after,
                CASE
                    WHEN cancel_requested THEN 'CANCELLED'
                    WHEN deadline_at < now() OR failed_attempts + 1 >= :max_failed_attempts THEN 'FAILED'
                    ELSE 'PENDING' END AS next,
                deadline_at < now() AS past_deadline
            FROM jobs WHERE status = 'PROCESSING' AND lease_expires_at < now()
            ORDER BY workspace_id, id LIMIT :batch
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS locked
    ), changed AS (
        UPDATE jobs SET
            status = next, stage = NULL,
            message = CASE next WHEN 'CANCELLED' THEN 'Cancelled' WHEN 'FAILED' THEN 'Failed'
                ELSE 'The worker was lost; waiting for another' END,
            failed_attempts = failed_attempts + 1, enqueued_at = NULL,
            error_reason = CASE WHEN next = 'FAILED' THEN
                CASE WHEN past_deadline THEN 'DEADLINE_EXCEEDED' ELSE 'ATTEMPTS_EXHAUSTED' END END,
            error_message = CASE WHEN next = 'FAILED' THEN
                CASE WHEN past_deadline THEN 'the job did not end before its deadline'
                     ELSE 'the job lost its worker ' || failed_attempts + 1 || ' times' END END,
            error_metadata = CASE WHEN next = 'FAILED' AND NOT past_deadline THEN
                jsonb_build_object('attempts', CAST(failed_attempts + 1 AS text)) END,
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, milestone = milestone + 1,
            lease_token = NULL, lease_expires_at = NULL,
            finished_at = CASE WHEN next = 'PENDING' THEN NULL ELSE now() END, updated_at = now()
        FROM expired WHERE jobs.id = expired.id
        RETURNING jobs.*
    ), {_APPENDED}
    SELECT {RETURNED} FROM changed
""")

# The first turns that have no job due are put off. Claims come first to workspaces whose last jobs were claimed at the
# same moment, and to those whose jobs all wait for another attempt.
SETTLE_TURNS = Statement("""
    SELECT settle_turn(workspace_id) FROM (
        SELECT workspace_id FROM workspace_turns WHERE due_at < 'infinity' AND due_at <= now()
        ORDER BY served_at, workspace_id LIMIT :batch
    ) AS turns
    WHERE NOT EXISTS (
        SELECT FROM jobs
        WHERE jobs.workspace_id = turns.workspace_id AND status = 'PENDING' AND run_after <= now()
    )
""")

# PENDING → CANCELLED at once; a PROCESSING job is only marked, until its worker has stopped. One statement, so that a
# job that moves between the two states meanwhile is cancelled in either.
CANCEL = Statement(f"""
    WITH changed AS (
        UPDATE jobs SET
            cancel_requested = true,
            status = CASE status WHEN 'PENDING' THEN 'CANCELLED' ELSE status END,
            message = CASE status WHEN 'PENDING' THEN 'Cancelled' ELSE message END,
            sequence = sequence + CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
            event_xid = greatest(event_xid, pg_current_xact_id()),
            milestone = milestone + CASE status WHEN 'PENDING' THEN 1 ELSE 0 END,
            finished_at = CASE status WHEN 'PENDING' THEN now() END,
            updated_at = now()
        WHERE workspace_id = :workspace_id AND id = :job_id
            AND (status = 'PENDING' OR status = 'PROCESSING' AND NOT cancel_requested)
        RETURNING jobs.*
    ), appended AS (
        INSERT INTO job_events (job_id, xid, {EVENT_COLUMNS})
        SELECT id, event_xid, {EVENT_COLUMNS} FROM changed WHERE status = 'CANCELLED'
    )
    SELECT {RETURNED} FROM changed WHERE status = 'CANCELLED'
""")
