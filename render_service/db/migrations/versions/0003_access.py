"""API keys for reading only, keys that expire, and when they were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_keys",
        sa.Column("access", sa.Text(), server_default="write", nullable=False, comment="domain.access.Access"),
    )
    op.add_column(
        "api_keys",
        sa.Column(
            "expires_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="from then on it works no longer; null: never",
        ),
    )
    op.add_column(
        "api_keys",
        sa.Column(
            "last_used_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="roughly: written now and then, not with every call",
        ),
    )
    op.create_check_constraint("api_keys_access_known", "api_keys", "access IN ('read', 'write')")


def downgrade() -> None:
    op.drop_constraint("api_keys_access_known", "api_keys", type_="check")
    op.drop_column("api_keys", "last_used_at")
    op.drop_column("api_keys", "expires_at")
    op.drop_column("api_keys", "access")
