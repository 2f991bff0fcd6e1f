"""What a job needs of its worker, so that only workers claim it that can; its index is built while the service runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No row is rewritten: the default is a constant. Any worker claims the jobs that were started before, as before.
    nothing = sa.text("'{}'")
    op.add_column(
        "jobs",
        sa.Column("needs", ARRAY(sa.Text()), nullable=False, server_default=nothing, comment="domain.jobs.JobNeed"),
        # What an attempt that failed has committed before its index.
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        # An attempt that failed leaves an invalid index.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_in_need")
        op.create_index(
            "jobs_in_need",
            "jobs",
            ["run_after"],
            postgresql_where=sa.text("status = 'PENDING' AND needs <> '{}'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("jobs_in_need", "jobs")
    op.drop_column("jobs", "needs")
