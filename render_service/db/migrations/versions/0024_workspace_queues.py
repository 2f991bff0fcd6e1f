"""An upper bound of each workspace's waiting jobs, so that a start need not count them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# Every job that was neither ended at the last count nor added before it is in the bound, once: jobs that end leave it
# too high, so that most starts only compare. Only where the bound exceeds the quota are the jobs counted, and the bound
# is exact again. Jobs that are PROCESSING are in it because they may have to wait again.
# The lock is that of `jobs_in_turn`, which servers of the previous release use until they are upgraded.
_COUNT = """
    CREATE FUNCTION queued_jobs(workspace text, quota bigint, more bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
        most bigint;
        queued bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(workspace || ' PENDING', 0));
        SELECT queued_at_most INTO most FROM workspace_queues WHERE workspace_id = workspace;
        IF most + more <= quota THEN
            RETURN most;
        END IF;
        INSERT INTO workspace_queues (workspace_id, queued_at_most) VALUES (workspace, 0) ON CONFLICT DO NOTHING;
        PERFORM FROM workspace_queues WHERE workspace_id = workspace FOR UPDATE;
        SELECT count(*) FILTER (WHERE status = 'PENDING'), count(*) INTO queued, most
        FROM jobs WHERE workspace_id = workspace AND status IN ('PENDING', 'PROCESSING');
        UPDATE workspace_queues SET queued_at_most = most WHERE workspace_id = workspace AND queued_at_most <> most;
        RETURN queued;
    END
    $$
"""
_ADDED = """
    CREATE OR REPLACE FUNCTION note_jobs_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- In one order, so that two transactions never wait for each other.
        PERFORM expect_turn(workspace_id, due) FROM (
            SELECT workspace_id, min(run_after) AS due FROM added WHERE status = 'PENDING'
            GROUP BY workspace_id ORDER BY workspace_id
        ) AS waiting;
        {also}
        RETURN NULL;
    END
    $$
"""
_RAISE = """
        UPDATE workspace_queues SET queued_at_most = queued_at_most + jobs FROM (
            SELECT workspace_id AS workspace, count(*) AS jobs FROM added WHERE status IN ('PENDING', 'PROCESSING')
            GROUP BY workspace_id
        ) AS more WHERE workspace_id = workspace;
"""


def upgrade() -> None:
    op.create_table(
        "workspace_queues",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "queued_at_most",
            sa.BigInteger(),
            nullable=False,
            comment="as many jobs or fewer are PENDING",
        ),
        sa.PrimaryKeyConstraint("workspace_id"),
        comment="Upper bounds of the queues of workspaces with a quota; kept by a trigger on jobs.",
        postgresql_with={"fillfactor": "50"},
    )
    op.execute(_COUNT)
    op.execute(_ADDED.format(also=_RAISE))


def downgrade() -> None:
    op.execute(_ADDED.format(also=""))
    op.execute("DROP FUNCTION queued_jobs(text, bigint, bigint)")
    op.drop_table("workspace_queues")
