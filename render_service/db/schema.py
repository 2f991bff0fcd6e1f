"""The tables, as SQLAlchemy Core knows them; the migrations make them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, UUID

from render_service.db import batch_tables
from render_service.db.columns import Xid8, time_column

metadata = batch_tables.metadata
_LIVE = sa.text("state IN ('WAITING', 'INTENT', 'SUBMITTED', 'SUCCEEDED', 'UNKNOWN')")
_OPEN = sa.text("state IN ('WAITING', 'INTENT', 'SUBMITTED')")

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("body", JSONB, nullable=False, comment="domain.project.Project as JSON"),
    sa.Column("body_bytes", sa.Integer, sa.Computed("octet_length(body::text)", persisted=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1", comment="the etag; grows with each update"),
    time_column("created_at", nullable=False, default=True),
    time_column("updated_at", nullable=False, default=True),
    sa.Index("projects_by_workspace", "workspace_id", sa.text("created_at DESC"), sa.text("id DESC")),
    comment="Projects. A project's status is not stored: it follows from its latest job.",
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("task_id", UUID, nullable=False, unique=True, comment="names the Redis channel task_updates:{task_id}"),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("project_id", UUID, comment="no foreign key: jobs outlive their projects"),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("spec", JSONB, nullable=False, comment="domain.job.RenderSpec as JSON, frozen at the start"),
    sa.Column("labels", JSONB, nullable=False, server_default="{}"),
    sa.Column("request_id", UUID, comment="the caller's id of the StartRender call"),
    sa.Column("request_hash", BYTEA, comment="SHA-256 of the StartRender request without its request_id"),
    sa.Column("status", sa.Text, nullable=False, server_default="PENDING"),
    sa.Column("stage", sa.Text, comment="what a PROCESSING job is busy with"),
    sa.Column("progress", sa.SmallInteger, nullable=False, server_default="0", comment="percent"),
    sa.Column("message", sa.Text, nullable=False, server_default=""),
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default="1", comment="grows with every change"),
    sa.Column("milestone", sa.Integer, nullable=False, server_default="1", comment="how many job_events there are"),
    sa.Column(
        "event_xid",
        Xid8,
        nullable=False,
        server_default=sa.text("pg_current_xact_id()"),
        comment="xid of the latest event; never falls",
    ),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0", comment="how often the job was claimed"),
    sa.Column("failed_attempts", sa.Integer, nullable=False, server_default="0", comment="attempts failed or lost"),
    time_column("run_after", nullable=False, default=True, comment="not to be claimed before"),
    time_column(
        "enqueued_at", comment="when a message was last sent for it; null: a message is due (the row is its outbox)"
    ),
    sa.Column("lease_token", UUID, comment="the token that changes of the job must present"),
    time_column("lease_expires_at", comment="after this the reconciler takes the lease away"),
    sa.Column("worker", sa.Text, comment="who holds the lease, for people"),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    time_column("deadline_at", comment="set at the first claim; the job is ended after it"),
    time_column("progressed_at", comment="when this attempt last got further"),
    sa.Column("error_reason", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("error_metadata", JSONB),
    sa.Column("raw_results", JSONB),
    time_column("created_at", nullable=False, default=True),
    time_column("started_at"),
    time_column("finished_at"),
    time_column("updated_at", nullable=False, default=True),
    sa.Column(
        "priority",
        sa.SmallInteger,
        nullable=False,
        server_default="0",
        comment="within the workspace; greater goes first",
    ),
    sa.Column("trace_parent", sa.Text, comment="W3C traceparent of the StartRender call; null: it was not traced"),
    sa.Column("webhook", JSONB, comment="url, host and statuses of the receiver that it was started with"),
    sa.Column("warnings", JSONB, nullable=False, server_default="[]", comment="domain.warning.JobWarning as JSON"),
    sa.Column("title", sa.Text, nullable=False, server_default="", comment="of the project, at the start"),
    sa.Column("speech_provider", sa.Text, comment="who speaks its narrations; null: nobody has to"),
    sa.Column("needs", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"), comment="domain.jobs.JobNeed"),
    sa.Column("batch_id", UUID, comment="no foreign key: jobs outlive their batch"),
    sa.Column("batch_row", sa.Integer, comment="the row of the batch that it renders, from 0"),
    sa.Column("batch_key", sa.Text, comment="the caller's name of the row"),
    sa.CheckConstraint(
        "status IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')", name="jobs_status_known"
    ),
    sa.CheckConstraint("progress BETWEEN 0 AND 100", name="jobs_progress_percent"),
    sa.CheckConstraint("(status = 'PROCESSING') = (lease_token IS NOT NULL)", name="jobs_lease_while_processing"),
    sa.CheckConstraint(
        "(status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)", name="jobs_finished_at_end"
    ),
    sa.Index(
        "jobs_request_id", "workspace_id", "request_id", unique=True, postgresql_where=sa.text("request_id IS NOT NULL")
    ),
    sa.Index(
        "jobs_to_speak", "run_after", postgresql_where=sa.text("status = 'PENDING' AND speech_provider IS NOT NULL")
    ),
    sa.Index("jobs_in_need", "run_after", postgresql_where=sa.text("status = 'PENDING' AND needs <> '{}'")),
    sa.Index(
        "jobs_to_enqueue",
        "run_after",
        postgresql_where=sa.text("status = 'PENDING' AND enqueued_at IS NULL"),
    ),
    # By workspace, since workspaces take turns; then by what a job asks of its worker.
    sa.Index(
        "jobs_pending_by_kind",
        "workspace_id",
        "provider",
        sa.text("coalesce(speech_provider, '')"),
        "needs",
        sa.text("priority DESC"),
        "run_after",
        "id",
        postgresql_where=sa.text("status = 'PENDING'"),
    ),
    # Not on lease_expires_at: renewals then stay heap-only updates.
    sa.Index("jobs_leased", "workspace_id", "id", postgresql_where=sa.text("status = 'PROCESSING'")),
    sa.Index("jobs_by_start", "workspace_id", "started_at"),
    sa.Index("jobs_ended", "finished_at", postgresql_where=sa.text("finished_at IS NOT NULL")),
    sa.Index("jobs_by_workspace", "workspace_id", sa.text("created_at DESC"), sa.text("id DESC")),
    sa.Index("jobs_by_status", "workspace_id", "status", sa.text("created_at DESC"), sa.text("id DESC")),
    sa.Index("jobs_by_label", "labels", postgresql_using="gin", postgresql_ops={"labels": "jsonb_path_ops"}),
    sa.Index(
        "jobs_by_project",
        "project_id",
        sa.text("created_at DESC"),
        postgresql_where=sa.text("project_id IS NOT NULL"),
    ),
    sa.Index(
        "jobs_by_batch",
        "batch_id",
        sa.text("created_at DESC"),
        sa.text("id DESC"),
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    ),
    sa.Index(
        "jobs_of_batch_open",
        "batch_id",
        postgresql_where=sa.text("batch_id IS NOT NULL AND status IN ('PENDING', 'PROCESSING')"),
    ),
    sa.Index(
        "jobs_of_batch_ended",
        "batch_id",
        "finished_at",
        postgresql_where=sa.text("batch_id IS NOT NULL AND finished_at IS NOT NULL"),
    ),
    comment="Jobs: PENDING → PROCESSING → COMPLETED | FAILED | CANCELLED, and PROCESSING → PENDING to try again.",
    postgresql_with={"fillfactor": "70"},
)

job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("job_id", UUID, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True, comment="the job's sequence at this change"),
    sa.Column("milestone", sa.Integer, nullable=False, comment="1, 2, 3 … within the job, without a gap"),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("stage", sa.Text),
    sa.Column("progress", sa.SmallInteger, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("error_reason", sa.Text),
    sa.Column("error_message", sa.Text),
    time_column("created_at", nullable=False, default=True),
    sa.Column(
        "xid",
        Xid8,
        nullable=False,
        server_default=sa.text("pg_current_xact_id()"),
        comment="orders the workspace's events so that one committed late is never skipped",
    ),
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False, comment="orders within a transaction"),
    sa.Column("warnings", JSONB, nullable=False, server_default="[]", comment="the job's at this change"),
    sa.Index("job_events_milestone", "job_id", "milestone", unique=True),
    sa.Index(
        "job_events_one_end",
        "job_id",
        unique=True,
        postgresql_where=sa.text("status IN ('COMPLETED', 'FAILED', 'CANCELLED')"),
    ),
    sa.Index("job_events_by_workspace", "workspace_id", "xid", "id"),
    # Rows lie in the order of their time, so a small index over blocks finds the old ones.
    sa.Index("job_events_by_age", "created_at", postgresql_using="brin"),
    comment="State and stage changes of jobs. The partial unique index lets a job end only once.",
)

event_horizons = sa.Table(
    "event_horizons",
    metadata,
    sa.Column("workspace_id", sa.Text, primary_key=True),
    sa.Column("xid", Xid8, nullable=False),
    sa.Column("id", sa.BigInteger, nullable=False),
    comment="The last event of each workspace that was pruned: a cursor before it would skip events.",
)

videos = sa.Table(
    "videos",
    metadata,
    sa.Column("job_id", UUID, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("files", JSONB, nullable=False, comment="domain.job.StoredFile as JSON, by domain.job.Artifact"),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("fps", sa.Integer, nullable=False),
    sa.Column("frames", sa.BigInteger, nullable=False),
    sa.Column("checked", JSONB, nullable=False, server_default="{}", comment="what the self-check found"),
    time_column("created_at", nullable=False, default=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0", comment="of all files together"),
    sa.Column("audio_tracks", JSONB, nullable=False, server_default="[]", comment="domain.job.AudioTrack as JSON"),
    sa.Column("outputs", JSONB, nullable=False, server_default="[]", comment="domain.job.NamedVideo as JSON"),
    sa.Index("videos_by_age", "created_at", postgresql_using="brin"),
    sa.Index("videos_by_workspace", "workspace_id", postgresql_include=["size_bytes"]),
    comment="Finished videos.",
)

provider_tasks = sa.Table(
    "provider_tasks",
    metadata,
    sa.Column("id", UUID, primary_key=True, comment="also the idempotency key of the order"),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("key", BYTEA, nullable=False, comment="SHA-256 of all that the clip depends on"),
    sa.Column("job_id", UUID, nullable=False, comment="the job that works on it; no foreign key: clips outlive jobs"),
    sa.Column("shot_id", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="WAITING"),
    time_column("not_before", nullable=False, default=True, comment="not to be ordered before"),
    sa.Column("intent_token", UUID, comment="lease token of who ordered, or was about to"),
    time_column("intent_at", comment="when the order was about to be sent"),
    sa.Column("external_id", sa.Text, comment="the provider's id of the task"),
    sa.Column("external", JSONB, comment="what else the provider answered to the order"),
    time_column("submitted_at"),
    time_column("finished_at"),
    time_column("cancel_after", comment="a worker tells the provider to stop; another one may after this"),
    sa.Column("error_reason", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("error_code", sa.Text, comment="the provider's own word for it"),
    sa.Column("retryable", sa.Boolean, comment="of a FAILED task: whether ordering again may help"),
    sa.Column("cost_unit", sa.Text),
    sa.Column("cost_amount", sa.Numeric),
    sa.Column("clip_key", sa.Text, comment="object-store key"),
    sa.Column("clip", JSONB, comment="what the clip is: size, SHA-256, length, sides"),
    time_column("created_at", nullable=False, default=True),
    sa.CheckConstraint(
        "state IN ('WAITING', 'INTENT', 'SUBMITTED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'UNKNOWN', 'SUPERSEDED')",
        name="provider_tasks_state_known",
    ),
    sa.CheckConstraint("state <> 'SUBMITTED' OR external_id IS NOT NULL", name="provider_tasks_submitted_has_id"),
    sa.CheckConstraint("state <> 'SUCCEEDED' OR clip_key IS NOT NULL", name="provider_tasks_succeeded_has_clip"),
    sa.Index("provider_tasks_one_live", "workspace_id", "key", unique=True, postgresql_where=_LIVE),
    sa.Index("provider_tasks_open", "provider", postgresql_where=_OPEN),
    sa.Index("provider_tasks_recent", "provider", "intent_at"),
    sa.Index("provider_tasks_by_job", "job_id"),
    sa.Index("provider_tasks_by_clip", "clip_key", postgresql_where=sa.text("clip_key IS NOT NULL")),
    comment=(
        "One row for each clip that is submitted to a paid provider: "
        "WAITING → INTENT → SUBMITTED → SUCCEEDED | FAILED | CANCELLED. The partial unique index keeps a clip from "
        "being submitted twice. INTENT is committed before the submission is sent, SUBMITTED once the provider has "
        "acknowledged it. A row found in INTENT by another attempt is a submission of unknown outcome: UNKNOWN, unless "
        "it can be repeated under its idempotency key. SUPERSEDED: a newer row has its place."
    ),
)

job_objects = sa.Table(
    "job_objects",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("job_id", UUID, primary_key=True),
    sa.Index("job_objects_by_job", "job_id"),
    comment=(
        "Segments, sound and clips in the object store that a job uses, written before the object. "
        "No foreign key: rows outlive their job until the objects are deleted."
    ),
)

removals = sa.Table(
    "removals",
    metadata,
    sa.Column("job_id", UUID, primary_key=True),
    sa.Column("workspace_id", sa.Text, nullable=False),
    time_column("created_at", nullable=False, default=True),
    sa.Index("removals_by_age", "created_at"),
    comment="Jobs whose video is no longer recorded and whose bytes are to go; written in the same transaction.",
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False, comment="host:port of the url"),
    sa.Column("statuses", ARRAY(sa.Text), nullable=False, comment="the statuses that are delivered; never empty"),
    sa.Column("labels", JSONB, nullable=False, comment="only of jobs that have all of these"),
    time_column("created_at", nullable=False, default=True),
    sa.Index("webhooks_by_workspace", "workspace_id", "created_at", "id"),
    comment="Receivers of a workspace's events. At most 16 a workspace, each url once, both under a lock.",
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("id", UUID, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column(
        "webhook_id",
        UUID,
        comment="null: the job's own; no foreign key: deliveries of a deleted webhook are removed in batches",
    ),
    sa.Column("job_id", UUID, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False, comment="of the event within its job"),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False, comment="host:port of the url"),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False, comment="JSON as it is sent, the same at every try"),
    sa.Column("state", sa.Text, nullable=False, server_default="PENDING"),
    time_column(
        "due_at",
        comment="when it is tried next, or its lease ends; null: an earlier one of its job goes first, or it is done",
    ),
    sa.Column("leased", sa.Boolean, nullable=False, server_default=sa.false(), comment="a sender is at it"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0", comment="all tries; also fences senders"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0", comment="since it was last asked for; backoff"),
    sa.Column("http_status", sa.Integer, nullable=False, server_default="0", comment="0: there was no answer"),
    sa.Column("error", sa.Text, nullable=False, server_default="", comment="what was wrong with the latest try"),
    time_column("created_at", nullable=False, default=True),
    time_column("attempted_at"),
    sa.CheckConstraint("state IN ('PENDING', 'DELIVERED', 'FAILED')", name="webhook_deliveries_state_known"),
    sa.CheckConstraint("state = 'PENDING' OR due_at IS NULL", name="webhook_deliveries_due_while_pending"),
    sa.Index(
        "webhook_deliveries_due", "workspace_id", "host", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")
    ),
    sa.Index("webhook_deliveries_by_job", "job_id", "sequence"),
    sa.Index("webhook_deliveries_by_workspace", "workspace_id", sa.text("created_at DESC"), sa.text("id DESC")),
    sa.Index(
        "webhook_deliveries_by_webhook",
        "webhook_id",
        sa.text("created_at DESC"),
        sa.text("id DESC"),
        postgresql_where=sa.text("webhook_id IS NOT NULL"),
    ),
    sa.Index("webhook_deliveries_by_age", "created_at", postgresql_using="brin"),
    comment=(
        "Events on their way to receivers: PENDING → DELIVERED | FAILED. Written by a trigger on job_events; another "
        "one gives the next of a job its turn."
    ),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    time_column("at", nullable=False, default=True),
    sa.Column("workspace_id", sa.Text, comment="null: of no workspace, such as a key's making"),
    sa.Column("principal", sa.Text, nullable=False, comment="domain.access.Principal.id"),
    sa.Column("principal_name", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False, comment="domain.audit.Action"),
    sa.Column("target", UUID, comment="the job, project or key; no foreign key: it may be gone"),
    sa.Column("detail", sa.Text, nullable=False, server_default="", comment="such as the file; never a secret"),
    sa.Column("peer", sa.Text, nullable=False, comment="the caller's address as the server saw it"),
    sa.Column("request_id", UUID, comment="finds the call in the server's log"),
    sa.Index("audit_log_by_workspace", "workspace_id", "id"),
    sa.Index("audit_log_by_target", "target", postgresql_where=sa.text("target IS NOT NULL")),
    sa.Index("audit_log_by_age", "at", postgresql_using="brin"),
    comment="Who started, cancelled, deleted or downloaded what, when and from where. Only ever appended to.",
)

service_keys = sa.Table(
    "service_keys",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key", BYTEA, nullable=False),
    comment="Random keys that all servers share and callers never see, by what they are for.",
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("key_hash", BYTEA, nullable=False, unique=True, comment="SHA-256 of the key; the key is not stored"),
    sa.Column("workspaces", ARRAY(sa.Text), nullable=False),
    sa.Column("access", sa.Text, nullable=False, server_default="write", comment="domain.access.Access"),
    time_column("created_at", nullable=False, default=True),
    time_column("expires_at", comment="from then on it works no longer; null: never"),
    time_column("last_used_at", comment="roughly: written now and then, not with every call"),
    time_column("revoked_at"),
    sa.CheckConstraint("access IN ('read', 'write')", name="api_keys_access_known"),
    comment="API keys: 256 random bits each, hence a plain hash suffices.",
)
