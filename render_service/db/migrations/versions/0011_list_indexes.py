"""Indexes for lists of jobs by label and by status. While they are built, jobs cannot be changed: seconds a million."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "jobs_by_label", "jobs", ["labels"], postgresql_using="gin", postgresql_ops={"labels": "jsonb_path_ops"}
    )
    op.create_index(
        "jobs_by_status", "jobs", ["workspace_id", "status", sa.text("created_at DESC"), sa.text("id DESC")]
    )


def downgrade() -> None:
    op.drop_index("jobs_by_status", "jobs")
    op.drop_index("jobs_by_label", "jobs")
