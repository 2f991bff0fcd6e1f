"""Give each change of a brand kit a version that no other change has, also after the kit was deleted and made again."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In one step with the default: servers of the version before count from a kit's own version on, which stays below.
    op.execute("CREATE SEQUENCE brand_kit_versions")
    op.execute("SELECT setval('brand_kit_versions', (SELECT coalesce(max(version), 0) + 1000000 FROM brand_kits))")
    op.alter_column(
        "brand_kits",
        "version",
        server_default=sa.text("nextval('brand_kit_versions'::regclass)"),
        comment="the etag; every change gives another",
        existing_comment="the etag; grows with each update",
    )


def downgrade() -> None:
    op.alter_column(
        "brand_kits",
        "version",
        server_default="1",
        comment="the etag; grows with each update",
        existing_comment="the etag; every change gives another",
    )
    op.execute("DROP SEQUENCE brand_kit_versions")
