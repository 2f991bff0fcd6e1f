"""Full queues are counted less often, and no count misses a job that another transaction adds."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# Every job that was neither ended at the last count nor added before it is in the bound, once: jobs that end leave it
# too high, so that most starts only compare. Only where the bound exceeds the quota are the jobs counted, and the bound
# is exact again. Jobs that are PROCESSING are in it because they may have to wait again.
#
# Whoever adds jobs to a workspace shares the lock, or holds it if its quota counts: so nobody adds jobs while they are
# counted, and the count and the turn of a workspace are locked in one order. Until they are upgraded, servers of the
# previous release share it only where a quota counts.
_COUNT = """
    CREATE OR REPLACE FUNCTION queued_jobs(workspace text, quota bigint, more bigint) RETURNS bigint
    LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
        most bigint;
        queued bigint;
        {declared}
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(workspace || ' PENDING', 0));
        {known}
        IF most + more <= quota THEN
            RETURN most;
        END IF;
        {full}
        INSERT INTO workspace_queues (workspace_id, queued_at_most) VALUES (workspace, 0) ON CONFLICT DO NOTHING;
        PERFORM FROM workspace_queues WHERE workspace_id = workspace FOR UPDATE;
        SELECT count(*) FILTER (WHERE status = 'PENDING'), count(*) INTO queued, most
        FROM jobs WHERE workspace_id = workspace AND status IN ('PENDING', 'PROCESSING');
        {counted}
        RETURN queued;
    END
    $$
"""
_BEFORE = {
    "declared": "",
    "known": "SELECT queued_at_most INTO most FROM workspace_queues WHERE workspace_id = workspace;",
    "full": "",
    "counted": """
        UPDATE workspace_queues SET queued_at_most = most WHERE workspace_id = workspace AND queued_at_most <> most;
    """,
}
# A count takes about 0.5 µs a job, so that those of a full queue take a twentieth of the time at most. Meanwhile jobs are
# refused without one; a small queue is counted each time, or nearly so.
_NOW = {
    "declared": "known_queued bigint; until timestamptz;",
    "known": """
        SELECT queued_at_most, full_with, full_until INTO most, known_queued, until
        FROM workspace_queues WHERE workspace_id = workspace;
    """,
    "full": """
        IF until > clock_timestamp() AND known_queued + more > quota THEN
            RETURN known_queued;
        END IF;
    """,
    "counted": """
        UPDATE workspace_queues SET queued_at_most = most,
            full_with = CASE WHEN queued + more > quota THEN queued END,
            full_until = CASE WHEN queued + more > quota THEN clock_timestamp() + queued * interval '10 us' END
        WHERE workspace_id = workspace;
    """,
}


def upgrade() -> None:
    op.add_column(
        "workspace_queues",
        sa.Column("full_with", sa.BigInteger(), comment="as many jobs were PENDING when they were last found too many"),
    )
    op.add_column(
        "workspace_queues",
        sa.Column("full_until", sa.DateTime(timezone=True), comment="jobs are not counted again before"),
    )
    op.execute(_COUNT.format(**_NOW))


def downgrade() -> None:
    op.execute(_COUNT.format(**_BEFORE))
    op.drop_column("workspace_queues", "full_until")
    op.drop_column("workspace_queues", "full_with")
