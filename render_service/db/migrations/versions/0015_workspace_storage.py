"""Stored bytes of each workspace are counted as videos come and go, so that a quota is checked without a scan."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_COUNT = """
    CREATE FUNCTION count_workspace_storage() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO workspace_storage (workspace_id, video_bytes)
        SELECT workspace, sum(change) FROM (VALUES
            (NEW.workspace_id, NEW.size_bytes),
            (OLD.workspace_id, -OLD.size_bytes)
        ) AS changes (workspace, change) WHERE workspace IS NOT NULL GROUP BY workspace ORDER BY workspace
        ON CONFLICT (workspace_id) DO UPDATE SET video_bytes = workspace_storage.video_bytes + excluded.video_bytes;
        RETURN NULL;
    END
    $$
"""


def upgrade() -> None:
    op.create_table(
        "workspace_storage",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("video_bytes", sa.BigInteger(), nullable=False, comment="sum of videos.size_bytes"),
        sa.PrimaryKeyConstraint("workspace_id"),
        comment="How much each workspace stores; kept by a trigger on videos, in the same transaction.",
    )
    op.execute(_COUNT)
    # No other transaction changes videos from here to the commit, so that each video is counted once.
    op.execute("""
        CREATE TRIGGER count_workspace_storage AFTER INSERT OR DELETE OR UPDATE OF workspace_id, size_bytes ON videos
        FOR EACH ROW EXECUTE FUNCTION count_workspace_storage()
    """)
    op.execute("""
        INSERT INTO workspace_storage (workspace_id, video_bytes)
        SELECT workspace_id, sum(size_bytes) FROM videos GROUP BY workspace_id
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER count_workspace_storage ON videos")
    op.execute("DROP FUNCTION count_workspace_storage()")
    op.drop_table("workspace_storage")
