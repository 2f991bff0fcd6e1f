"""The metrics that servers and workers both have."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

SHARED = CollectorRegistry()
ProcessCollector(registry=SHARED)

JOBS_ENDED = Counter(
    "render_jobs_ended",
    "Jobs that this process has ended, by `reason` if they FAILED.",
    ["status", "reason"],
    registry=SHARED,
)
MESSAGES_SENT = Counter("render_messages_sent", "Messages that this process has sent for due jobs.", registry=SHARED)
MESSAGES_LOST = Counter("render_messages_lost", "Messages that were considered lost and sent again.", registry=SHARED)
LEASES_RECLAIMED = Counter(
    "render_leases_reclaimed",
    "Expired leases of workers that had died or hung, by the new status of their jobs.",
    ["status"],
    registry=SHARED,
)
for _status in ("PENDING", "FAILED", "CANCELLED"):  # exported from the start, so that rate() sees the first one
    LEASES_RECLAIMED.labels(_status)
STORE_UP = Gauge(
    "render_store_up",
    "Whether `postgres` and `redis` answer: 1 or 0; probed every two seconds.",
    ["store"],
    registry=SHARED,
)
STORE_PROBE_SECONDS = Gauge(
    "render_store_probe_seconds", "Duration of the latest probe of a store.", ["store"], registry=SHARED
)
DATABASE_CONNECTIONS_BUSY = Gauge(
    "render_database_connections_busy", "Connections to Postgres in use.", registry=SHARED
)
DATABASE_CONNECTIONS = Gauge(
    "render_database_connections",
    "Maximum number of connections to Postgres of this process, without those of webhooks.",
    registry=SHARED,
)
EVENTS_UNPUBLISHED = Counter(
    "render_events_unpublished",
    "Events that could not be published over Redis; watchers read them from Postgres, seconds later.",
    registry=SHARED,
)
EVENT_LOOP_LAG_SECONDS = Histogram(
    "render_event_loop_lag_seconds",
    "How much later than due the event loop ran a task; observed 20 times a second. Above 0.1 s is a stall.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=SHARED,
)
