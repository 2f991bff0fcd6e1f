"""The metrics that only servers have."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SERVER = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

CALLS = Counter("render_grpc_calls", "Calls that ended.", ["method", "code"], registry=SERVER)
CALL_SECONDS = Histogram(
    "render_grpc_call_seconds", "Duration of unary calls.", ["method"], buckets=_SECONDS, registry=SERVER
)
CALLS_REFUSED = Counter(
    "render_calls_refused",
    "Calls refused for their credentials, by the reason of the error. A burst may be an attack, or an expired key.",
    ["reason"],
    registry=SERVER,
)
JOBS_STARTED = Counter("render_jobs_started", "Jobs that this server has stored.", ["provider"], registry=SERVER)
BATCHES_STARTED = Counter("render_batches_started", "Batches that this server has stored.", registry=SERVER)
BATCH_ROWS_STARTED = Counter(
    "render_batch_rows_started", "Rows of the batches that this server has stored.", registry=SERVER
)
BATCHES_ENDED = Counter(
    "render_batches_ended", "Batches that ended, noticed by this server, by their state.", ["state"], registry=SERVER
)
BATCH_ROWS_WAITING = Gauge(
    "render_batch_rows_waiting",
    "Rows of batches that have no job yet, from Postgres: the same on every server.",
    registry=SERVER,
)
WATCHERS = Gauge("render_watchers", "Open watches on this server.", registry=SERVER)
EVENT_LAG_SECONDS = Histogram(
    "render_event_lag_seconds",
    "Time from the commit of a job's change, by the clock of Postgres, to its delivery to a watcher.",
    ["rpc"],
    buckets=_SECONDS,
    registry=SERVER,
)
JOBS = Gauge(
    "render_jobs",
    "Jobs that have not ended, from Postgres: the same on every server.",
    ["status"],
    registry=SERVER,
)
QUEUE_AGE_SECONDS = Gauge(
    "render_queue_age_seconds",
    "How long the longest-waiting PENDING job has been due: the same on every server.",
    registry=SERVER,
)
PROVIDER_TASKS = Gauge(
    "render_provider_orders",
    "Clips submitted to providers and not finished, by their state in the ledger: the same on every server.",
    ["provider", "state"],
    registry=SERVER,
)
PROGRESS_MESSAGES_IGNORED = Counter(
    "render_progress_messages_ignored",
    "Messages on the Redis progress channels that are not valid events. Not 0: something else publishes there.",
    registry=SERVER,
)
