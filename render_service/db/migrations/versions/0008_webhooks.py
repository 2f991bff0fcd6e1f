"""Webhooks: who is told of jobs, and deliveries that are written down together with the event, in order per job."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Deliveries of a job are put in their order, and each gets its turn, under one lock: whoever waited for it sees in its
# next statement, which has a snapshot of its own, what the one before has done.
_LOCK = """
    CREATE FUNCTION lock_webhook_turns(job uuid) RETURNS void LANGUAGE sql AS $$
        SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || job, 0))
    $$
"""
# On the table of events, not in the statements that write them: no path, present or future, can leave a delivery out.
_NOTE = """
    CREATE FUNCTION note_webhook_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
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
                    'labels', job.labels
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
_TURN = """
    CREATE FUNCTION give_webhook_turn() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM lock_webhook_turns(NEW.job_id);
        UPDATE webhook_deliveries SET due_at = now()
        WHERE state = 'PENDING' AND due_at IS NULL AND id = (
            SELECT first.id FROM webhook_deliveries AS first
            WHERE first.job_id = NEW.job_id AND first.webhook_id IS NOT DISTINCT FROM NEW.webhook_id
                AND first.state = 'PENDING'
            ORDER BY first.sequence LIMIT 1
        );
        RETURN NULL;
    END
    $$
"""


def upgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column(
            "webhook",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="url, host and statuses of the receiver that it was started with",
        ),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False, comment="host:port of the url"),
        sa.Column("statuses", postgresql.ARRAY(sa.Text()), nullable=False, comment="which are told; never empty"),
        sa.Column(
            "labels",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="only of jobs that have all of these",
        ),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Who is told of a workspace's jobs. At most 16 a workspace, each url once, both under a lock.",
    )
    op.create_index("webhooks_by_workspace", "webhooks", ["workspace_id", "created_at", "id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "webhook_id",
            sa.UUID(),
            nullable=True,
            comment="null: the job's own; no foreign key: deliveries of a deleted webhook are removed in batches",
        ),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="of the event within its job"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False, comment="host:port of the url"),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON as it is sent, the same at every try"),
        sa.Column("state", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column(
            "due_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="when it is tried next, or its lease ends; null: an earlier one of its job goes first, or it is done",
        ),
        sa.Column("leased", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="a sender is at it"),
        sa.Column(
            "attempts", sa.Integer(), server_default="0", nullable=False, comment="all tries; also fences senders"
        ),
        sa.Column(
            "tries", sa.Integer(), server_default="0", nullable=False, comment="since it was last asked for; backoff"
        ),
        sa.Column("http_status", sa.Integer(), server_default="0", nullable=False, comment="0: there was no answer"),
        sa.Column("error", sa.Text(), server_default="", nullable=False, comment="what was wrong with the latest try"),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempted_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('PENDING', 'DELIVERED', 'FAILED')", name="webhook_deliveries_state_known"),
        sa.CheckConstraint("state = 'PENDING' OR due_at IS NULL", name="webhook_deliveries_due_while_pending"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        comment=(
            "Events on their way to receivers: PENDING → DELIVERED | FAILED. Written by a trigger on job_events; another "
            "one gives the next of a job its turn."
        ),
    )
    op.create_index(
        "webhook_deliveries_due",
        "webhook_deliveries",
        ["workspace_id", "host", "due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("webhook_deliveries_by_job", "webhook_deliveries", ["job_id", "sequence"])
    op.create_index(
        "webhook_deliveries_by_workspace",
        "webhook_deliveries",
        ["workspace_id", sa.text("created_at DESC"), sa.text("id DESC")],
    )
    op.create_index(
        "webhook_deliveries_by_webhook",
        "webhook_deliveries",
        ["webhook_id", sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("webhook_id IS NOT NULL"),
    )
    op.create_index("webhook_deliveries_by_age", "webhook_deliveries", ["created_at"], postgresql_using="brin")
    for function in (_LOCK, _NOTE, _TURN):
        op.execute(function)
    op.execute("""
        CREATE TRIGGER job_events_to_webhooks AFTER INSERT ON job_events
        FOR EACH ROW EXECUTE FUNCTION note_webhook_deliveries()
    """)
    op.execute("""
        CREATE TRIGGER webhook_deliveries_turn AFTER UPDATE OF state ON webhook_deliveries
        FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION give_webhook_turn()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER job_events_to_webhooks ON job_events")
    op.drop_table("webhook_deliveries")
    for function in ("note_webhook_deliveries()", "give_webhook_turn()", "lock_webhook_turns(uuid)"):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("webhooks")
    op.drop_column("jobs", "webhook")
