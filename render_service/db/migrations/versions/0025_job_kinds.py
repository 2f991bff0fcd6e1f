"""Waiting jobs by what they ask of a worker, so that a claim passes over all that it cannot do at once."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_ORDER = (sa.text("priority DESC"), "run_after", "id")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # An attempt that failed leaves an invalid index.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_pending_by_kind")
        op.create_index(
            "jobs_pending_by_kind",
            "jobs",
            ["workspace_id", "provider", sa.text("coalesce(speech_provider, '')"), "needs", *_ORDER],
            postgresql_where=sa.text("status = 'PENDING'"),
            postgresql_concurrently=True,
        )
        op.drop_index("jobs_pending", "jobs", postgresql_concurrently=True, if_exists=True)


def downgrade() -> None:
    op.create_index("jobs_pending", "jobs", ["workspace_id", *_ORDER], postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_index("jobs_pending_by_kind", "jobs")
