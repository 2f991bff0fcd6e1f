"""The title of a job's project, so that lists show it without reading the job's specification."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Jobs that were started before keep an empty title: to fill it in would rewrite the table.
    column = sa.Column("title", sa.Text(), nullable=False, server_default="", comment="of the project, at the start")
    op.add_column("jobs", column)


def downgrade() -> None:
    op.drop_column("jobs", "title")
