"""Which cached objects each job uses, so that those of a deleted job can be deleted, too."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_objects",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("key", "job_id"),
        comment=(
            "Segments, sound and clips in the object store that a job uses, written before the object. "
            "No foreign key: rows outlive their job until the objects are deleted."
        ),
    )
    op.create_index("job_objects_by_job", "job_objects", ["job_id"])
    op.create_index(
        "provider_tasks_by_clip", "provider_tasks", ["clip_key"], postgresql_where=sa.text("clip_key IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("provider_tasks_by_clip", table_name="provider_tasks")
    op.drop_table("job_objects")
