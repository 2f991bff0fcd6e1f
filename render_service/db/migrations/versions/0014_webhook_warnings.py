"""Webhooks say what viewers of the video may notice: the job's warnings at the event."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# As in revision 0008, with one more field.
_NOTE = """
    CREATE OR REPLACE FUNCTION note_webhook_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        job record;
        receiver record;
        body text;
    BEGIN
        SELECT task_id, labels, webhook INTO job FROM jobs WHERE id = NEW.job_id;
        IF job.webhook IS NULL AND NOT EXISTS (SELECT FROM webhooks WHERE workspace_id = NEW.workspace_id) THEN
            RETURN NULL;
        END IF;
        PERFORM lock_webhook_turns(NEW.job_id);
        FOR receiver IN
            SELECT id, url, host FROM webhooks
            WHERE workspace_id = NEW.workspace_id AND NEW.status = ANY(statuses) AND job.labels @> labels
            UNION ALL
            SELECT NULL, job.webhook ->> 'url', job.webhook ->> 'host' WHERE job.webhook -> 'statuses' ? NEW.status
        LOOP
            body := coalesce(body, CAST(json_build_object(
                'type', 'job.' || lower(NEW.status),
                'timestamp', to_char(NEW.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                'data', json_build_object(
                    'job_id', NEW.job_id,
                    'task_id', job.task_id,
                    'workspace_id', NEW.workspace_id,
                    'sequence', NEW.sequence,
                    'status', NEW.status,
                    'stage', NEW.stage,
                    'progress', NEW.progress,
                    'message', NEW.message,
                    'attempt', NEW.attempt,
                    'error_reason', CASE NEW.status WHEN 'FAILED' THEN NEW.error_reason END,
                    'error_message', CASE NEW.status WHEN 'FAILED' THEN NEW.error_message END,
                    'labels', job.labels{warnings}
                )
            ) AS text));
            INSERT INTO webhook_deliveries (
                workspace_id, webhook_id, job_id, sequence, url, host, type, body, created_at, due_at
            )
            SELECT NEW.workspace_id, receiver.id, NEW.job_id, NEW.sequence, receiver.url, receiver.host,
                'job.' || lower(NEW.status), body, NEW.created_at,
                CASE WHEN NOT EXISTS (
                    SELECT FROM webhook_deliveries AS earlier
                    WHERE earlier.job_id = NEW.job_id AND earlier.webhook_id IS NOT DISTINCT FROM receiver.id
                        AND earlier.state = 'PENDING'
                ) THEN now() END;
        END LOOP;
        RETURN NULL;
    END
    $$
"""


def upgrade() -> None:
    op.execute(_NOTE.replace("{warnings}", ",\n                    'warnings', NEW.warnings"))


def downgrade() -> None:
    op.execute(_NOTE.replace("{warnings}", ""))
