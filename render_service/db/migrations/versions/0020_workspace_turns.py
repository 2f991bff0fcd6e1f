"""A table of the workspaces that have jobs waiting, so that a claim reads few rows however many workspaces wait.

Triggers keep it, not the service's statements: servers and workers of the previous release insert and claim jobs while
the service is being upgraded.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# Nothing below waits for a claim, and no claim waits for another: a row that another transaction holds is skipped where
# skipping only costs order or time. Only `expect_turn` waits. The trigger on updates calls it in the order in which rows
# are updated, which follows from the plan, so a statement that makes jobs of several workspaces wait calls it itself, in
# the order of the workspaces, before it updates them.
# `due_at` is never later than it should be: whoever lets a job wait shares the row's key until the commit, and nobody
# sets a later time without the row for himself and a snapshot taken after that.
_EXPECT = """
    CREATE FUNCTION expect_turn(workspace text, due timestamptz) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM workspace_turns WHERE workspace_id = workspace AND due_at <= due FOR KEY SHARE;
        IF NOT FOUND THEN
            INSERT INTO workspace_turns AS turn (workspace_id, due_at) VALUES (workspace, due)
            ON CONFLICT (workspace_id) DO UPDATE SET due_at = least(turn.due_at, excluded.due_at);
        END IF;
    END
    $$
"""
_SETTLE = """
    CREATE FUNCTION settle_turn(workspace text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM workspace_turns WHERE workspace_id = workspace FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        UPDATE workspace_turns SET due_at = coalesce(
            (SELECT min(run_after) FROM jobs WHERE workspace_id = workspace AND status = 'PENDING'), 'infinity'
        ) WHERE workspace_id = workspace;
        RETURN true;
    END
    $$
"""
_ADDED = """
    CREATE FUNCTION note_jobs_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- In one order, so that two transactions never wait for each other.
        PERFORM expect_turn(workspace_id, due) FROM (
            SELECT workspace_id, min(run_after) AS due FROM added WHERE status = 'PENDING'
            GROUP BY workspace_id ORDER BY workspace_id
        ) AS waiting;
        RETURN NULL;
    END
    $$
"""
_MOVED = """
    CREATE FUNCTION note_job_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.status = 'PENDING' THEN
            PERFORM expect_turn(NEW.workspace_id, NEW.run_after);
            RETURN NULL;
        END IF;
        IF NEW.status = 'PROCESSING' THEN
            UPDATE workspace_turns SET served_at = now() WHERE workspace_id = (
                SELECT workspace_id FROM workspace_turns WHERE workspace_id = NEW.workspace_id
                FOR NO KEY UPDATE SKIP LOCKED
            );
        END IF;
        IF NOT EXISTS (SELECT FROM jobs WHERE workspace_id = NEW.workspace_id AND status = 'PENDING') THEN
            PERFORM settle_turn(NEW.workspace_id);
        END IF;
        RETURN NULL;
    END
    $$
"""
_TRIGGERS = (
    """
    CREATE TRIGGER jobs_added_to_turns AFTER INSERT ON jobs REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_jobs_added()
    """,
    """
    CREATE TRIGGER jobs_moved_to_turns AFTER UPDATE OF status, run_after ON jobs FOR EACH ROW
    WHEN ('PENDING' IN (OLD.status, NEW.status) AND (OLD.status, OLD.run_after) <> (NEW.status, NEW.run_after))
    EXECUTE FUNCTION note_job_moved()
    """,
)


def upgrade() -> None:
    op.create_table(
        "workspace_turns",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="no job may be claimed before; may be too early; infinity: none",
        ),
        sa.Column(
            "served_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("'-infinity'"),
            nullable=False,
            comment="when a job was last claimed",
        ),
        sa.PrimaryKeyConstraint("workspace_id"),
        comment="The workspaces in the order in which their waiting jobs are claimed; kept by triggers on jobs.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index(
        "workspace_turns_waiting",
        "workspace_turns",
        ["served_at", "workspace_id"],
        postgresql_where=sa.text("due_at < 'infinity'"),
    )
    for function in (_EXPECT, _SETTLE, _ADDED, _MOVED):
        op.execute(function)
    # No other transaction changes jobs from here to the commit, so that no job is missed. Only waiting jobs are read, by
    # `jobs_pending` and `jobs_by_start`, so that writers wait briefly. A workspace without one gets its turn later.
    for trigger in _TRIGGERS:
        op.execute(trigger)
    op.execute("""
        INSERT INTO workspace_turns (workspace_id, due_at, served_at)
        SELECT workspace_id, due, coalesce(
            (SELECT max(started_at) FROM jobs WHERE jobs.workspace_id = waiting.workspace_id), '-infinity'
        ) FROM (
            SELECT workspace_id, min(run_after) AS due FROM jobs WHERE status = 'PENDING' GROUP BY workspace_id
        ) AS waiting
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER jobs_moved_to_turns ON jobs")
    op.execute("DROP TRIGGER jobs_added_to_turns ON jobs")
    for function in ("note_job_moved()", "note_jobs_added()", "settle_turn(text)", "expect_turn(text, timestamptz)"):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("workspace_turns")
