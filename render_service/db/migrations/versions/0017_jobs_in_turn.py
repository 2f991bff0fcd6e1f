"""A count of a workspace's jobs that holds for the transaction, so that one statement can store many jobs."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# As `workspace_has_room`, which it replaces where several jobs are stored at once: the lock lets one transaction at a
# time count and add, and a statement of a volatile function sees what was committed before it got the lock.
_COUNT = """
    CREATE FUNCTION jobs_in_turn(workspace text, state text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(workspace || ' ' || state, 0));
        RETURN (SELECT count(*) FROM jobs WHERE workspace_id = workspace AND status = state);
    END
    $$
"""


def upgrade() -> None:
    op.execute(_COUNT)


def downgrade() -> None:
    op.execute("DROP FUNCTION jobs_in_turn(text, text)")
