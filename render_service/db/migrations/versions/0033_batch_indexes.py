"""Indexes for the jobs of batches and for batches that have ended, built while the service runs."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# Almost all jobs of a service without batches are in none of them.
_INDEXES = (
    (
        "jobs_by_batch",
        "jobs",
        ("batch_id", sa.text("created_at DESC"), sa.text("id DESC")),
        "batch_id IS NOT NULL",
    ),
    ("jobs_of_batch_open", "jobs", ("batch_id",), "batch_id IS NOT NULL AND status IN ('PENDING', 'PROCESSING')"),
    ("jobs_of_batch_ended", "jobs", ("batch_id", "finished_at"), "batch_id IS NOT NULL AND finished_at IS NOT NULL"),
    ("batches_ended", "batches", ("ended_at",), "ended_at IS NOT NULL"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, columns, condition in _INDEXES:
            # An attempt that failed leaves an invalid index.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.create_index(
                name, table, list(columns), postgresql_where=sa.text(condition), postgresql_concurrently=True
            )


def downgrade() -> None:
    for name, table, *_ in reversed(_INDEXES):
        op.drop_index(name, table)
