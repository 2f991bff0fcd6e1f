"""The statements of the generation ledger; see the comment of the table `provider_tasks`."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

LIVE = "('WAITING', 'INTENT', 'SUBMITTED', 'SUCCEEDED', 'UNKNOWN')"
# Locks the job's row until the write is done, so that the lease cannot be lost between the check and the write.
HELD = "held AS (SELECT id, created_at FROM jobs WHERE id = :job_id AND lease_token = :token FOR SHARE)"

LIVE_OF = sa.text(f"""
    SELECT t.*, o.status = 'PROCESSING' AS held_by_other, t.created_at < j.created_at AS from_before
    FROM provider_tasks t JOIN jobs j ON j.id = :job_id LEFT JOIN jobs o ON o.id = t.job_id AND o.id <> j.id
    WHERE t.workspace_id = :workspace_id AND t.key = :key AND t.state IN {LIVE}
""")

FAILED_OF = sa.text("""
    SELECT * FROM provider_tasks WHERE job_id = :job_id AND key = :key AND state = 'FAILED' ORDER BY created_at, id
""")

INSERT = sa.text(f"""
    WITH {HELD}
    INSERT INTO provider_tasks (id, workspace_id, key, job_id, shot_id, provider, model)
    SELECT :id, :workspace_id, :key, held.id, :shot_id, :provider, :model FROM held
    ON CONFLICT (workspace_id, key) WHERE state IN {LIVE} DO NOTHING
""")

# Only from a job that does not run now, so that no job waits for one that waits itself.
TAKE_OVER = sa.text(f"""
    WITH {HELD}
    UPDATE provider_tasks t SET job_id = held.id, shot_id = :shot_id FROM held
    WHERE t.id = :id AND t.state <> 'SUCCEEDED'
        AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.id = t.job_id AND o.id <> held.id AND o.status = 'PROCESSING')
""")

MOVE = sa.text(f"""
    WITH {HELD}
    UPDATE provider_tasks t SET
        state = :state, not_before = now() + CAST(:delay AS interval),
        error_reason = :error_reason, error_message = :error_message, error_code = :error_code, retryable = :retryable,
        cost_unit = coalesce(:cost_unit, cost_unit), cost_amount = coalesce(CAST(:cost_amount AS numeric), cost_amount),
        finished_at = CASE WHEN :state IN ('FAILED', 'CANCELLED', 'UNKNOWN') THEN now() ELSE finished_at END
    FROM held
    WHERE t.id = :id AND t.state = ANY(:from)
    RETURNING t.id
""")

SUBMITTED = sa.text("""
    UPDATE provider_tasks SET
        state = 'SUBMITTED', external_id = :external_id, external = :external, submitted_at = now(), finished_at = NULL,
        error_reason = NULL, error_message = NULL, error_code = NULL, retryable = NULL,
        cost_unit = coalesce(:cost_unit, cost_unit), cost_amount = coalesce(CAST(:cost_amount AS numeric), cost_amount)
    WHERE id = :id AND intent_token = :token AND state IN ('INTENT', 'UNKNOWN')
    RETURNING *
""").bindparams(sa.bindparam("external", type_=JSONB))

SUCCEEDED = sa.text(f"""
    WITH {HELD}
    UPDATE provider_tasks t SET
        state = 'SUCCEEDED', clip_key = :clip_key, clip = :clip, finished_at = now(),
        cost_unit = :cost_unit, cost_amount = CAST(:cost_amount AS numeric)
    FROM held
    WHERE t.id = :id AND t.state = 'SUBMITTED' AND t.job_id = held.id
    RETURNING t.*
""").bindparams(sa.bindparam("clip", type_=JSONB))

LOCK_PROVIDER = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('provider_tasks/' || :provider, 0))")

# Workspaces take turns: the n-th clip of a workspace, clips in progress included, comes before the (n+1)-th of any
# other. A worker is granted slots for its own jobs only; a row that is next but was not requested keeps its slot while
# its job's lease lasts. Clips of a job without a worker, such as one whose worker was lost, are still in progress at
# the provider and keep their slots, but only for a minute: the jobs that wait for slots may occupy all the workers that
# this job needs to continue.
GRANT = sa.text("""
    WITH busy AS (
        SELECT t.workspace_id, count(*) AS clips FROM provider_tasks t JOIN jobs j ON j.id = t.job_id
        WHERE t.provider = :provider AND t.state IN ('INTENT', 'SUBMITTED')
            AND (j.status = 'PROCESSING'
                OR (j.status = 'PENDING' AND coalesce(t.submitted_at, t.intent_at) > now() - interval '1 minute'))
        GROUP BY t.workspace_id
    ), waiting AS (
        SELECT t.id, t.created_at,
            coalesce(b.clips, 0) + row_number() OVER (PARTITION BY t.workspace_id ORDER BY t.created_at, t.id) AS turn
        FROM provider_tasks t
        JOIN jobs j ON j.id = t.job_id AND j.status = 'PROCESSING' AND j.lease_expires_at > now()
        LEFT JOIN busy b ON b.workspace_id = t.workspace_id
        WHERE t.provider = :provider AND t.state = 'WAITING' AND t.not_before <= now()
    ), next AS (
        SELECT id FROM waiting ORDER BY turn, created_at, id
        LIMIT greatest(0, least(
            :limit - (SELECT coalesce(sum(clips), 0) FROM busy),
            CAST(:per_minute AS bigint) - (
                SELECT count(*) FROM provider_tasks
                WHERE CAST(:per_minute AS bigint) IS NOT NULL
                    AND provider = :provider AND intent_at > now() - interval '1 minute'
            )
        ))
    ), asking AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:job_ids AS uuid[]), CAST(:tokens AS uuid[]))
            AS a (id, job_id, token)
    )
    UPDATE provider_tasks t SET state = 'INTENT', intent_token = a.token, intent_at = now()
    FROM next, asking a, jobs j
    WHERE t.id = next.id AND a.id = t.id AND t.job_id = a.job_id AND j.id = a.job_id AND j.lease_token = a.token
    RETURNING t.id
""")

# A submission that can be repeated under its key: from now on, the response to the repetition counts.
REPEAT = sa.text(f"""
    WITH {HELD}
    UPDATE provider_tasks t SET state = 'INTENT', intent_token = :token, intent_at = now() FROM held
    WHERE t.id = :id AND t.job_id = held.id AND t.state IN ('INTENT', 'UNKNOWN')
    RETURNING t.id
""")

SUPERSEDE = sa.text(f"""
    WITH {HELD}
    UPDATE provider_tasks t SET state = 'SUPERSEDED' FROM held
    WHERE t.id = :id AND t.state IN ('SUCCEEDED', 'UNKNOWN')
""")

DROP_UNSENT = sa.text("""
    UPDATE provider_tasks t SET state = 'CANCELLED', finished_at = now() FROM jobs j
    WHERE j.id = t.job_id AND j.status IN ('CANCELLED', 'FAILED') AND t.state = 'WAITING'
        AND t.provider = :provider
""")

CLAIM_ORPHANS = sa.text("""
    UPDATE provider_tasks SET cancel_after = now() + CAST(:retry_after AS interval) WHERE id IN (
        SELECT t.id FROM provider_tasks t JOIN jobs j ON j.id = t.job_id
        WHERE j.status = 'CANCELLED' AND t.state = 'SUBMITTED' AND t.provider = :provider
            AND (t.cancel_after IS NULL OR t.cancel_after < now())
        LIMIT :batch FOR UPDATE OF t SKIP LOCKED
    )
    RETURNING *
""")

CANCELLED = sa.text("""
    UPDATE provider_tasks SET state = 'CANCELLED', finished_at = now() WHERE id = :id AND state = 'SUBMITTED'
""")
