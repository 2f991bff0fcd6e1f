"""The tables of batches, as SQLAlchemy Core knows them; the migrations make them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, UUID

from render_service.db import workspace_tables
from render_service.db.columns import time_column

metadata = workspace_tables.metadata

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("request_id", UUID, comment="the caller's id of the StartBatch call"),
    sa.Column("request_hash", BYTEA, comment="SHA-256 of the StartBatch request without its request_id"),
    sa.Column("project_id", UUID, comment="no foreign key: batches outlive their projects"),
    sa.Column("title", sa.Text, nullable=False, comment="of the template"),
    sa.Column("rows", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_running", sa.Integer, comment="how many jobs may be PENDING or PROCESSING; null: any number"),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("counts", JSONB, comment="rows by state when the batch ended; null before"),
    time_column("created_at", nullable=False, default=True),
    time_column("accepted_at", comment="when all rows were stored; null: the batch does not exist for callers"),
    time_column("ended_at"),
    sa.Index(
        "batches_request_id",
        "workspace_id",
        "request_id",
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL AND accepted_at IS NOT NULL"),
    ),
    sa.Index("batches_by_workspace", "workspace_id", sa.text("created_at DESC"), sa.text("id DESC")),
    sa.Index("batches_open", "created_at", postgresql_where=sa.text("ended_at IS NULL")),
    sa.Index("batches_ended", "ended_at", postgresql_where=sa.text("ended_at IS NOT NULL")),
    comment="Batches. Rows are stored first; accepting the batch makes them all count at once.",
)

batch_rows = sa.Table(
    "batch_rows",
    metadata,
    sa.Column("batch_id", UUID, sa.ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("row", sa.Integer, primary_key=True, comment="from 0"),
    sa.Column("key", sa.Text, nullable=False, comment="the caller's name of the row"),
    sa.Column("state", sa.Text, nullable=False, server_default="WAITING"),
    sa.Column("job_id", UUID, comment="the latest job; no foreign key: rows outlive their jobs"),
    sa.Column("job", JSONB, comment="the job to insert; null while the row is STARTED"),
    sa.Column("bytes", sa.Integer, nullable=False, server_default="0", comment="of the job as JSON, as it was stored"),
    sa.CheckConstraint("state IN ('WAITING', 'STARTED', 'CANCELLED')", name="batch_rows_state_known"),
    sa.CheckConstraint("(state = 'STARTED') = (job IS NULL)", name="batch_rows_job_until_started"),
    sa.Index("batch_rows_waiting", "batch_id", "row", postgresql_where=sa.text("state = 'WAITING'")),
    comment="The rows of batches. A row that is STARTED has a job, whose state is the row's.",
)
