"""Warnings of jobs that completed with something that viewers may notice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COMMENTS = {"jobs": "domain.warning.JobWarning as JSON", "job_events": "the job's at this change"}


def upgrade() -> None:
    for table, comment in _COMMENTS.items():
        # A constant default: no row is rewritten.
        op.add_column(table, sa.Column("warnings", JSONB(), nullable=False, server_default="[]", comment=comment))


def downgrade() -> None:
    for table in _COMMENTS:
        op.drop_column(table, "warnings")
