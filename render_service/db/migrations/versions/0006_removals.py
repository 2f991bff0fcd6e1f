"""Jobs whose rows are gone and whose bytes are to go."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("job_id"),
        comment="Jobs whose video is no longer recorded and whose bytes are to go; written in the same transaction.",
    )
    op.create_index("removals_by_age", "removals", ["created_at"])
    op.create_index("jobs_ended", "jobs", ["finished_at"], postgresql_where=sa.text("finished_at IS NOT NULL"))
    op.create_index("videos_by_age", "videos", ["created_at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("videos_by_age", table_name="videos")
    op.drop_index("jobs_ended", table_name="jobs")
    op.drop_table("removals")
