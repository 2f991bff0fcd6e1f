"""Several videos of one job."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "videos",
        sa.Column("outputs", JSONB(), server_default="[]", nullable=False, comment="domain.job.NamedVideo as JSON"),
    )


def downgrade() -> None:
    op.drop_column("videos", "outputs")
