"""The statements that warn of jobs which no worker seems to be able to run."""

from render_service.db.jobs.job_lifecycle_sql import RETURNED
from render_service.db.prepared import Statement
from render_service.domain.jobs.needs import JobNeed
from render_service.domain.warning import WarningCode

# PENDING → PENDING: a warning for jobs that nobody has claimed for a while because they are to be spoken. The claim
# removes it.
WARN_UNSPOKEN = Statement(
    f"""
    WITH waiting AS (
        SELECT id FROM jobs
        WHERE status = 'PENDING' AND speech_provider IS NOT NULL AND run_after < now() - CAST(:age AS interval)
            AND warnings = '[]' AND NOT EXISTS (
                SELECT FROM jobs AS others
                WHERE others.status = 'PROCESSING' AND others.speech_provider = jobs.speech_provider
            )
        ORDER BY run_after LIMIT :batch
        FOR NO KEY UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE jobs SET
            message = 'Waiting for a worker that can speak with ' || speech_provider,
            warnings = jsonb_build_array(jsonb_build_object(
                'code', '{WarningCode.SPEECH_WAITING}', 'shot_id', '', 'field', 'speech',
                'message', 'no worker that can speak with ' || speech_provider || ' has taken the job yet;'
                    || ' configure the speech provider on a worker'
            )),
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, updated_at = now()
        FROM waiting WHERE jobs.id = waiting.id
        RETURNING jobs.*
    )
    SELECT {RETURNED} FROM changed
"""
)

# PENDING → PENDING: the same for jobs that need something of their worker; the last of several needs is named.
WARN_UNSERVED = Statement(
    f"""
    WITH waiting AS (
        SELECT id, needs[array_upper(needs, 1)] AS need FROM jobs
        WHERE status = 'PENDING' AND needs <> '{{}}' AND run_after < now() - CAST(:age AS interval)
            AND warnings = '[]' AND NOT EXISTS (
                SELECT FROM jobs AS others WHERE others.status = 'PROCESSING' AND others.needs @> jobs.needs
            )
        ORDER BY run_after LIMIT :batch
        FOR NO KEY UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE jobs SET
            message = 'Waiting for a worker that can ' || missing.ability,
            warnings = jsonb_build_array(jsonb_build_object(
                'code', missing.code, 'shot_id', '', 'field', missing.field,
                'message', 'no worker that can ' || missing.ability || ' has taken the job yet; install the extra `'
                    || missing.extra || '` on a worker'
            )),
            event_xid = greatest(event_xid, pg_current_xact_id()),
            sequence = sequence + 1, updated_at = now()
        FROM waiting JOIN (VALUES
            ('{JobNeed.RECOGNITION}', '{WarningCode.RECOGNITION_WAITING}', 'captions.from_audio', 'recognize speech',
                'recognition'),
            ('{JobNeed.ALIGNMENT}', '{WarningCode.SPEECH_WAITING}', 'speech', 'time recorded narrations', 'speech')
        ) AS missing(need, code, field, ability, extra) ON missing.need = waiting.need
        WHERE jobs.id = waiting.id
        RETURNING jobs.*
    )
    SELECT {RETURNED} FROM changed
"""
)
