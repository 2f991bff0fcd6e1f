"""The tables with a row for each workspace, as SQLAlchemy Core knows them; the migrations make them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from render_service.db.columns import time_column

metadata = sa.MetaData()

workspace_quotas = sa.Table(
    "workspace_quotas",
    metadata,
    sa.Column("workspace_id", sa.Text, primary_key=True),
    sa.Column(
        "limits", JSONB, nullable=False, comment="by domain.quota.QuotaName; null: no limit; absent: as configured"
    ),
    comment="Quotas of workspaces that differ from the configured ones.",
)

workspace_turns = sa.Table(
    "workspace_turns",
    metadata,
    sa.Column("workspace_id", sa.Text, primary_key=True),
    time_column("due_at", nullable=False, comment="no job may be claimed before; may be too early; infinity: none"),
    time_column("served_at", nullable=False, default="'-infinity'", comment="when a job was last claimed"),
    sa.Index("workspace_turns_waiting", "served_at", "workspace_id", postgresql_where=sa.text("due_at < 'infinity'")),
    comment="The workspaces in the order in which their waiting jobs are claimed; kept by triggers on jobs.",
    postgresql_with={"fillfactor": "50"},
)

workspace_storage = sa.Table(
    "workspace_storage",
    metadata,
    sa.Column("workspace_id", sa.Text, primary_key=True),
    sa.Column("video_bytes", sa.BigInteger, nullable=False, comment="sum of videos.size_bytes"),
    comment="How much each workspace stores; kept by a trigger on videos, in the same transaction.",
)

workspace_queues = sa.Table(
    "workspace_queues",
    metadata,
    sa.Column("workspace_id", sa.Text, primary_key=True),
    sa.Column("queued_at_most", sa.BigInteger, nullable=False, comment="as many jobs or fewer are PENDING"),
    sa.Column("full_with", sa.BigInteger, comment="as many jobs were PENDING when they were last found too many"),
    sa.Column("full_until", sa.DateTime(timezone=True), comment="jobs are not counted again before"),
    comment="Upper bounds of the queues of workspaces with a quota; kept by a trigger on jobs.",
    postgresql_with={"fillfactor": "50"},
)

brand_kit_versions = sa.Sequence("brand_kit_versions", data_type=sa.BigInteger, metadata=metadata)
"""Never repeats, so that a kit that was deleted and made again has another etag."""

brand_kits = sa.Table(
    "brand_kits",
    metadata,
    sa.Column("workspace_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("body", JSONB, nullable=False, comment="domain.brand.kit.BrandKit as JSON"),
    sa.Column(
        "version",
        sa.BigInteger,
        nullable=False,
        server_default=brand_kit_versions.next_value(),
        comment="the etag; every change gives another",
    ),
    time_column("created_at", nullable=False, default=True),
    time_column("updated_at", nullable=False, default=True),
    comment="Brand kits, which projects name.",
)

workspace_fonts = sa.Table(
    "workspace_fonts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("family_key", sa.Text, nullable=False, comment="name of the family, without case"),
    sa.Column("min_weight", sa.SmallInteger, nullable=False),
    sa.Column("max_weight", sa.SmallInteger, nullable=False),
    sa.Column("italic", sa.Boolean, nullable=False),
    sa.Column("facts", JSONB, nullable=False, comment="domain.brand.fonts.FontFacts as JSON"),
    sa.Column("sha256", sa.Text, nullable=False, comment="of the stored file, in hexadecimal"),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    time_column("created_at", nullable=False, default=True),
    time_column("deleted_at", comment="no project can name it any longer; jobs started before may still draw with it"),
    sa.Index(
        "workspace_fonts_style",
        *("workspace_id", "family_key", "italic", "min_weight", "max_weight"),
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    sa.Index("workspace_fonts_deleted", "deleted_at", postgresql_where=sa.text("deleted_at IS NOT NULL")),
    comment="Fonts that workspaces have uploaded; the files are objects.",
)
