"""The audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=True, comment="null: of no workspace, such as a key's making"),
        sa.Column("principal", sa.Text(), nullable=False, comment="domain.access.Principal.id"),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="domain.audit.Action"),
        sa.Column(
            "target", sa.UUID(), nullable=True, comment="the job, project or key; no foreign key: it may be gone"
        ),
        sa.Column("detail", sa.Text(), server_default="", nullable=False, comment="such as the file; never a secret"),
        sa.Column("peer", sa.Text(), nullable=False, comment="the caller's address as the server saw it"),
        sa.Column("request_id", sa.UUID(), nullable=True, comment="finds the call in the server's log"),
        sa.PrimaryKeyConstraint("id"),
        comment="Who started, cancelled, deleted or downloaded what, when and from where. Only ever appended to.",
    )
    op.create_index("audit_log_by_workspace", "audit_log", ["workspace_id", "id"])
    op.create_index("audit_log_by_target", "audit_log", ["target"], postgresql_where=sa.text("target IS NOT NULL"))
    op.create_index("audit_log_by_age", "audit_log", ["at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_table("audit_log")
