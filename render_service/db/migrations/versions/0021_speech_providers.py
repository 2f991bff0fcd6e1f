"""Who speaks the narrations of a job, so that only workers claim it that can."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No row is rewritten. Jobs that were started before keep a null: any worker claims them, as before.
    comment = "who speaks its narrations; null: nobody has to"
    op.add_column("jobs", sa.Column("speech_provider", sa.Text(), comment=comment))


def downgrade() -> None:
    op.drop_column("jobs", "speech_provider")
