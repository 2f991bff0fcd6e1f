"""The tracks of sound of finished videos: what they hold, and who speaks in them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default: no row is rewritten. Earlier videos have no record of their sound.
    comment = "domain.job.AudioTrack as JSON"
    op.add_column("videos", sa.Column("audio_tracks", JSONB(), nullable=False, server_default="[]", comment=comment))


def downgrade() -> None:
    op.drop_column("videos", "audio_tracks")
