"""The size of each row of a batch, so that rows are started and retried in transactions of a bounded size."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No row is rewritten: the default is a constant. Rows that were stored before are bounded by their number only.
    op.add_column(
        "batch_rows",
        sa.Column(
            "bytes", sa.Integer(), nullable=False, server_default="0", comment="of the job as JSON, as it was stored"
        ),
    )


def downgrade() -> None:
    op.drop_column("batch_rows", "bytes")
