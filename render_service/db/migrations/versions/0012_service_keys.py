"""Keys that all servers share, such as that of cursors."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        comment="Random keys that all servers share and callers never see, by what they are for.",
    )


def downgrade() -> None:
    op.drop_table("service_keys")
