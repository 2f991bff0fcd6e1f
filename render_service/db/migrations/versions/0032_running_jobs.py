"""Running jobs are counted by their own index, however many jobs a workspace has."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# The plan of a count whose state is a parameter cannot use the index `jobs_leased`, which has running jobs only. Where
# most jobs of a workspace have the same state, Postgres then reads them all.
_HAS_ROOM = """
    CREATE OR REPLACE FUNCTION workspace_has_room(workspace text, state text, most bigint) RETURNS boolean
    LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(workspace || ' ' || state, 0));
        {running}
        RETURN (SELECT count(*) FROM jobs WHERE workspace_id = workspace AND status = state) < most;
    END
    $$
"""
_RUNNING = """
        IF state = 'PROCESSING' THEN
            RETURN (SELECT count(*) FROM jobs WHERE workspace_id = workspace AND status = 'PROCESSING') < most;
        END IF;
"""


def upgrade() -> None:
    op.execute(_HAS_ROOM.format(running=_RUNNING))


def downgrade() -> None:
    op.execute(_HAS_ROOM.format(running=""))
