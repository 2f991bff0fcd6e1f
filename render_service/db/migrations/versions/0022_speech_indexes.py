"""Indexes for the jobs that wait to be spoken and for the recent tasks of a provider, built while the service runs."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # An attempt that failed leaves an invalid index.
        for name in ("jobs_to_speak", "provider_tasks_recent"):
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.create_index(
            "jobs_to_speak",
            "jobs",
            ["run_after"],
            postgresql_where=sa.text("status = 'PENDING' AND speech_provider IS NOT NULL"),
            postgresql_concurrently=True,
        )
        op.create_index(
            "provider_tasks_recent", "provider_tasks", ["provider", "intent_at"], postgresql_concurrently=True
        )


def downgrade() -> None:
    op.drop_index("provider_tasks_recent", "provider_tasks")
    op.drop_index("jobs_to_speak", "jobs")
