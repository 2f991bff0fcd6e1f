"""Batches, whose rows become jobs; revision 0033 builds the indexes of jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, UUID

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = True, now: bool = False, comment: str | None = None) -> "sa.Column[object]":
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default, comment=comment)


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("request_id", UUID(), comment="the caller's id of the StartBatch call"),
        sa.Column("request_hash", BYTEA(), comment="SHA-256 of the StartBatch request without its request_id"),
        sa.Column("project_id", UUID(), comment="no foreign key: batches outlive their projects"),
        sa.Column("title", sa.Text(), nullable=False, comment="of the template"),
        sa.Column("rows", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("max_running", sa.Integer(), comment="how many jobs may be PENDING or PROCESSING; null: any number"),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("counts", JSONB(), comment="rows by state when the batch ended; null before"),
        _time("created_at", nullable=False, now=True),
        _time("accepted_at", comment="when all rows were stored; null: the batch does not exist for callers"),
        _time("ended_at"),
        sa.PrimaryKeyConstraint("id"),
        comment="Batches. Rows are stored first; accepting the batch makes them all count at once.",
    )
    op.create_index(
        "batches_request_id",
        "batches",
        ["workspace_id", "request_id"],
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL AND accepted_at IS NOT NULL"),
    )
    op.create_index("batches_by_workspace", "batches", ["workspace_id", sa.text("created_at DESC"), sa.text("id DESC")])
    op.create_index("batches_open", "batches", ["created_at"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "batch_rows",
        sa.Column("batch_id", UUID(), sa.ForeignKey("batches.id", ondelete="CASCADE"), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False, comment="from 0"),
        sa.Column("key", sa.Text(), nullable=False, comment="the caller's name of the row"),
        sa.Column("state", sa.Text(), nullable=False, server_default="WAITING"),
        sa.Column("job_id", UUID(), comment="the latest job; no foreign key: rows outlive their jobs"),
        sa.Column("job", JSONB(), comment="the job to insert; null while the row is STARTED"),
        sa.PrimaryKeyConstraint("batch_id", "row"),
        sa.CheckConstraint("state IN ('WAITING', 'STARTED', 'CANCELLED')", name="batch_rows_state_known"),
        sa.CheckConstraint("(state = 'STARTED') = (job IS NULL)", name="batch_rows_job_until_started"),
        comment="The rows of batches. A row that is STARTED has a job, whose state is the row's.",
    )
    op.create_index(
        "batch_rows_waiting", "batch_rows", ["batch_id", "row"], postgresql_where=sa.text("state = 'WAITING'")
    )
    op.add_column("jobs", sa.Column("batch_id", UUID(), comment="no foreign key: jobs outlive their batch"))
    op.add_column("jobs", sa.Column("batch_row", sa.Integer(), comment="the row of the batch that it renders, from 0"))
    op.add_column("jobs", sa.Column("batch_key", sa.Text(), comment="the caller's name of the row"))


def downgrade() -> None:
    for column in ("batch_key", "batch_row", "batch_id"):
        op.drop_column("jobs", column)
    op.drop_table("batch_rows")
    op.drop_table("batches")
