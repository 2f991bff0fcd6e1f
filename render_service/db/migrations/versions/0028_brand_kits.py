"""Workspaces keep brand kits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brand_kits",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False, comment="domain.brand.kit.BrandKit as JSON"),
        sa.Column(
            "version", sa.BigInteger(), nullable=False, server_default="1", comment="the etag; grows with each update"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("workspace_id", "name"),
        comment="Brand kits, which projects name.",
    )


def downgrade() -> None:
    op.drop_table("brand_kits")
