"""The caller's trace, so that the worker's spans join it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COMMENT = "W3C traceparent of the StartRender call; null: it was not traced"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trace_parent", sa.Text(), comment=_COMMENT))


def downgrade() -> None:
    op.drop_column("jobs", "trace_parent")
