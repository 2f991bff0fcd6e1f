"""Comments of tables and columns in the words of the documentation."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_PROVIDER_TASKS = (
    "One row for each clip that is submitted to a paid provider: "
    "WAITING → INTENT → SUBMITTED → SUCCEEDED | FAILED | CANCELLED. The partial unique index keeps a clip from "
    "being submitted twice. INTENT is committed before the submission is sent, SUBMITTED once the provider has "
    "acknowledged it. A row found in INTENT by another attempt is a submission of unknown outcome: UNKNOWN, unless "
    "it can be repeated under its idempotency key. SUPERSEDED: a newer row has its place."
)
_FORMER_PROVIDER_TASKS = (
    "One row for each clip that is ordered from a paid provider: "
    "WAITING → INTENT → SUBMITTED → SUCCEEDED | FAILED | CANCELLED. The partial unique index keeps a clip from "
    "being ordered twice. INTENT is committed before the order is sent, SUBMITTED as soon as it is answered; a "
    "row found in INTENT by another attempt is an order of unknown outcome: UNKNOWN, unless it can be repeated "
    "by its key. SUPERSEDED: a newer row has its place."
)


def upgrade() -> None:
    op.alter_column("jobs", "lease_token", comment="the token that changes of the job must present")
    op.alter_column("webhooks", "statuses", comment="the statuses that are delivered; never empty")
    op.create_table_comment(
        "webhooks", "Receivers of a workspace's events. At most 16 a workspace, each url once, both under a lock."
    )
    op.create_table_comment("provider_tasks", _PROVIDER_TASKS)


def downgrade() -> None:
    op.alter_column("jobs", "lease_token", comment="whoever knows it may change the job")
    op.alter_column("webhooks", "statuses", comment="which are told; never empty")
    op.create_table_comment(
        "webhooks", "Who is told of a workspace's jobs. At most 16 a workspace, each url once, both under a lock."
    )
    op.create_table_comment("provider_tasks", _FORMER_PROVIDER_TASKS)
