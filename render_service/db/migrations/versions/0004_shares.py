"""Fair shares: priorities, quotas of workspaces, and indexes by which workspaces take turns."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A statement's own snapshot does not see what was committed while it waited for its turn; each statement of a volatile
# function takes a new one. So the count is exact, however many ask at once.
_HAS_ROOM = """
    CREATE FUNCTION workspace_has_room(workspace text, state text, most bigint) RETURNS boolean
    LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(workspace || ' ' || state, 0));
        RETURN (SELECT count(*) FROM jobs WHERE workspace_id = workspace AND status = state) < most;
    END
    $$
"""


def upgrade() -> None:
    op.create_table(
        "workspace_quotas",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column(
            "limits",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="by domain.quota.QuotaName; null: no limit; absent: as configured",
        ),
        sa.PrimaryKeyConstraint("workspace_id"),
        comment="Quotas of workspaces that differ from the configured ones.",
    )
    op.add_column(
        "jobs",
        sa.Column(
            "priority",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="within the workspace; greater goes first",
        ),
    )
    op.drop_index("jobs_pending", table_name="jobs")
    op.create_index(
        "jobs_pending",
        "jobs",
        ["workspace_id", sa.text("priority DESC"), "run_after", "id"],
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.drop_index("jobs_leased", table_name="jobs")
    op.create_index("jobs_leased", "jobs", ["workspace_id", "id"], postgresql_where=sa.text("status = 'PROCESSING'"))
    op.create_index("jobs_by_start", "jobs", ["workspace_id", "started_at"])
    op.add_column(
        "videos",
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False, comment="of all files together"),
    )
    op.execute("""
        UPDATE videos SET size_bytes =
            (SELECT coalesce(sum(CAST(value ->> 'size_bytes' AS bigint)), 0) FROM jsonb_each(files))
    """)
    op.create_index("videos_by_workspace", "videos", ["workspace_id"], postgresql_include=["size_bytes"])
    op.execute(_HAS_ROOM)


def downgrade() -> None:
    op.execute("DROP FUNCTION workspace_has_room(text, text, bigint)")
    op.drop_index("videos_by_workspace", table_name="videos")
    op.drop_column("videos", "size_bytes")
    op.drop_index("jobs_by_start", table_name="jobs")
    op.drop_index("jobs_leased", table_name="jobs")
    op.create_index("jobs_leased", "jobs", ["id"], postgresql_where=sa.text("status = 'PROCESSING'"))
    op.drop_index("jobs_pending", table_name="jobs")
    op.create_index("jobs_pending", "jobs", ["run_after"], postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_column("jobs", "priority")
    op.drop_table("workspace_quotas")
