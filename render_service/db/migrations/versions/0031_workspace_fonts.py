"""Workspaces upload fonts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workspace_fonts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("family_key", sa.Text(), nullable=False, comment="name of the family, without case"),
        sa.Column("min_weight", sa.SmallInteger(), nullable=False),
        sa.Column("max_weight", sa.SmallInteger(), nullable=False),
        sa.Column("italic", sa.Boolean(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False, comment="domain.brand.fonts.FontFacts as JSON"),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the stored file, in hexadecimal"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            comment="no project can name it any longer; jobs started before may still draw with it",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Fonts that workspaces have uploaded; the files are objects.",
    )
    op.create_index(
        "workspace_fonts_style",
        "workspace_fonts",
        ["workspace_id", "family_key", "italic", "min_weight", "max_weight"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "workspace_fonts_deleted",
        "workspace_fonts",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("workspace_fonts")
