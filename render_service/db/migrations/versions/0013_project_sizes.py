"""The size of each project, so that pages of projects can end by bytes without reading what follows."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "projects",
        sa.Column(
            "body_bytes",
            sa.Integer(),
            sa.Computed("octet_length(body::text)", persisted=True),
            nullable=False,
        ),
    )


def downgrade() -> None:
    op.drop_column("projects", "body_bytes")
