"""The ledger of clips ordered from paid providers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_tasks",
        sa.Column("id", sa.UUID(), nullable=False, comment="also the idempotency key of the order"),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("key", postgresql.BYTEA(), nullable=False, comment="SHA-256 of all that the clip depends on"),
        sa.Column(
            "job_id", sa.UUID(), nullable=False, comment="the job that works on it; no foreign key: clips outlive jobs"
        ),
        sa.Column("shot_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="WAITING", nullable=False),
        sa.Column(
            "not_before",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="not to be ordered before",
        ),
        sa.Column("intent_token", sa.UUID(), nullable=True, comment="lease token of who ordered, or was about to"),
        sa.Column(
            "intent_at", sa.TIMESTAMP(timezone=True), nullable=True, comment="when the order was about to be sent"
        ),
        sa.Column("external_id", sa.Text(), nullable=True, comment="the provider's id of the task"),
        sa.Column(
            "external",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what else the provider answered to the order",
        ),
        sa.Column("submitted_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "cancel_after",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="a worker tells the provider to stop; another one may after this",
        ),
        sa.Column("error_reason", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True, comment="the provider's own word for it"),
        sa.Column(
            "retryable", sa.Boolean(), nullable=True, comment="of a FAILED task: whether ordering again may help"
        ),
        sa.Column("cost_unit", sa.Text(), nullable=True),
        sa.Column("cost_amount", sa.Numeric(), nullable=True),
        sa.Column("clip_key", sa.Text(), nullable=True, comment="object-store key"),
        sa.Column(
            "clip",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what the clip is: size, SHA-256, length, sides",
        ),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('WAITING', 'INTENT', 'SUBMITTED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'UNKNOWN', 'SUPERSEDED')",
            name="provider_tasks_state_known",
        ),
        sa.CheckConstraint("state <> 'SUBMITTED' OR external_id IS NOT NULL", name="provider_tasks_submitted_has_id"),
        sa.CheckConstraint("state <> 'SUCCEEDED' OR clip_key IS NOT NULL", name="provider_tasks_succeeded_has_clip"),
        sa.PrimaryKeyConstraint("id"),
        comment=(
            "One row for each clip that is ordered from a paid provider: "
            "WAITING → INTENT → SUBMITTED → SUCCEEDED | FAILED | CANCELLED. The partial unique index keeps a clip from "
            "being ordered twice. INTENT is committed before the order is sent, SUBMITTED as soon as it is answered; a "
            "row found in INTENT by another attempt is an order of unknown outcome: UNKNOWN, unless it can be repeated "
            "by its key. SUPERSEDED: a newer row has its place."
        ),
    )
    op.create_index("provider_tasks_by_job", "provider_tasks", ["job_id"], unique=False)
    op.create_index(
        "provider_tasks_one_live",
        "provider_tasks",
        ["workspace_id", "key"],
        unique=True,
        postgresql_where=sa.text("state IN ('WAITING', 'INTENT', 'SUBMITTED', 'SUCCEEDED', 'UNKNOWN')"),
    )
    op.create_index(
        "provider_tasks_open",
        "provider_tasks",
        ["provider"],
        unique=False,
        postgresql_where=sa.text("state IN ('WAITING', 'INTENT', 'SUBMITTED')"),
    )


def downgrade() -> None:
    op.drop_index(
        "provider_tasks_open",
        table_name="provider_tasks",
        postgresql_where=sa.text("state IN ('WAITING', 'INTENT', 'SUBMITTED')"),
    )
    op.drop_index(
        "provider_tasks_one_live",
        table_name="provider_tasks",
        postgresql_where=sa.text("state IN ('WAITING', 'INTENT', 'SUBMITTED', 'SUCCEEDED', 'UNKNOWN')"),
    )
    op.drop_index("provider_tasks_by_job", table_name="provider_tasks")
    op.drop_table("provider_tasks")
