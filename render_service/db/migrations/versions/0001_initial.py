"""Jobs with their events and videos, projects, API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from render_service.db.columns import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", postgresql.BYTEA(), nullable=False, comment="SHA-256 of the key; the key is not stored"),
        sa.Column("workspaces", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
        comment="API keys: 256 random bits each, hence a plain hash suffices.",
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("task_id", sa.UUID(), nullable=False, comment="names the Redis channel task_updates:{task_id}"),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True, comment="no foreign key: jobs outlive their projects"),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column(
            "spec",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="domain.job.RenderSpec as JSON, frozen at the start",
        ),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=True, comment="the caller's id of the StartRender call"),
        sa.Column(
            "request_hash",
            postgresql.BYTEA(),
            nullable=True,
            comment="SHA-256 of the StartRender request without its request_id",
        ),
        sa.Column("status", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("stage", sa.Text(), nullable=True, comment="what a PROCESSING job is busy with"),
        sa.Column("progress", sa.SmallInteger(), server_default="0", nullable=False, comment="percent"),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default="1", nullable=False, comment="grows with every change"),
        sa.Column(
            "milestone", sa.Integer(), server_default="1", nullable=False, comment="how many job_events there are"
        ),
        sa.Column(
            "event_xid",
            Xid8(),
            server_default=sa.text("pg_current_xact_id()"),
            nullable=False,
            comment="xid of the latest event; never falls",
        ),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False, comment="how often the job was claimed"),
        sa.Column(
            "failed_attempts", sa.Integer(), server_default="0", nullable=False, comment="attempts failed or lost"
        ),
        sa.Column(
            "run_after",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="not to be claimed before",
        ),
        sa.Column(
            "enqueued_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="when a message was last sent for it; null: a message is due (the row is its outbox)",
        ),
        sa.Column("lease_token", sa.UUID(), nullable=True, comment="whoever knows it may change the job"),
        sa.Column(
            "lease_expires_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="after this the reconciler takes the lease away",
        ),
        sa.Column("worker", sa.Text(), nullable=True, comment="who holds the lease, for people"),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "deadline_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="set at the first claim; the job is ended after it",
        ),
        sa.Column(
            "progressed_at", sa.TIMESTAMP(timezone=True), nullable=True, comment="when this attempt last got further"
        ),
        sa.Column("error_reason", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("raw_results", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'PROCESSING') = (lease_token IS NOT NULL)", name="jobs_lease_while_processing"),
        sa.CheckConstraint(
            "(status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)", name="jobs_finished_at_end"
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')", name="jobs_status_known"
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="jobs_progress_percent"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id"),
        comment="Jobs: PENDING → PROCESSING → COMPLETED | FAILED | CANCELLED, and PROCESSING → PENDING to try again.",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "jobs_by_project",
        "jobs",
        ["project_id", sa.literal_column("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("project_id IS NOT NULL"),
    )
    op.create_index(
        "jobs_by_workspace",
        "jobs",
        ["workspace_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("jobs_leased", "jobs", ["id"], unique=False, postgresql_where=sa.text("status = 'PROCESSING'"))
    op.create_index("jobs_pending", "jobs", ["run_after"], unique=False, postgresql_where=sa.text("status = 'PENDING'"))
    op.create_index(
        "jobs_request_id",
        "jobs",
        ["workspace_id", "request_id"],
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )
    op.create_index(
        "jobs_to_enqueue",
        "jobs",
        ["run_after"],
        unique=False,
        postgresql_where=sa.text("status = 'PENDING' AND enqueued_at IS NULL"),
    )
    op.create_table(
        "event_horizons",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id"),
        comment="The last event of each workspace that was pruned: a cursor before it would skip events.",
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "body", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="domain.project.Project as JSON"
        ),
        sa.Column(
            "version", sa.BigInteger(), server_default="1", nullable=False, comment="the etag; grows with each update"
        ),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Projects. A project's status is not stored: it follows from its latest job.",
    )
    op.create_index(
        "projects_by_workspace",
        "projects",
        ["workspace_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "job_events",
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="the job's sequence at this change"),
        sa.Column("milestone", sa.Integer(), nullable=False, comment="1, 2, 3 … within the job, without a gap"),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("progress", sa.SmallInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("error_reason", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "xid",
            Xid8(),
            server_default=sa.text("pg_current_xact_id()"),
            nullable=False,
            comment="orders the workspace's events so that one committed late is never skipped",
        ),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="orders within a transaction"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "sequence"),
        comment="State and stage changes of jobs. The partial unique index lets a job end only once.",
    )
    op.create_index("job_events_by_age", "job_events", ["created_at"], unique=False, postgresql_using="brin")
    op.create_index("job_events_by_workspace", "job_events", ["workspace_id", "xid", "id"], unique=False)
    op.create_index("job_events_milestone", "job_events", ["job_id", "milestone"], unique=True)
    op.create_index(
        "job_events_one_end",
        "job_events",
        ["job_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('COMPLETED', 'FAILED', 'CANCELLED')"),
    )
    op.create_table(
        "videos",
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "files",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="domain.job.StoredFile as JSON, by domain.job.Artifact",
        ),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("fps", sa.Integer(), nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.Column(
            "checked",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
            comment="what the self-check found",
        ),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id"),
        comment="Finished videos.",
    )


def downgrade() -> None:
    op.drop_table("videos")
    op.drop_index(
        "job_events_one_end",
        table_name="job_events",
        postgresql_where=sa.text("status IN ('COMPLETED', 'FAILED', 'CANCELLED')"),
    )
    op.drop_index("job_events_milestone", table_name="job_events")
    op.drop_index("job_events_by_age", table_name="job_events", postgresql_using="brin")
    op.drop_index("job_events_by_workspace", table_name="job_events")
    op.drop_table("job_events")
    op.drop_index("projects_by_workspace", table_name="projects")
    op.drop_table("projects")
    op.drop_index(
        "jobs_to_enqueue", table_name="jobs", postgresql_where=sa.text("status = 'PENDING' AND enqueued_at IS NULL")
    )
    op.drop_index("jobs_request_id", table_name="jobs", postgresql_where=sa.text("request_id IS NOT NULL"))
    op.drop_index("jobs_pending", table_name="jobs", postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_index("jobs_leased", table_name="jobs", postgresql_where=sa.text("status = 'PROCESSING'"))
    op.drop_index("jobs_by_workspace", table_name="jobs")
    op.drop_index("jobs_by_project", table_name="jobs", postgresql_where=sa.text("project_id IS NOT NULL"))
    op.drop_table("jobs")
    op.drop_table("event_horizons")
    op.drop_table("api_keys")
