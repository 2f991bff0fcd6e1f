"""The figures that servers and workers both have."""

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

SHARED = CollectorRegistry()
ProcessCollector(registry=SHARED)

JOBS_ENDED = Counter(
    "render_jobs_ended",
    "Jobs that this process has brought to an end, by `reason` where they FAILED.",
    ["status", "reason"],
    registry=SHARED,
)
MESSAGES_SENT = Counter(
    "render_messages_sent", "Messages that this process has sent for jobs that were due.", registry=SHARED
)
MESSAGES_LOST = Counter(
    "render_messages_lost", "Messages that counted as lost, so that new ones were sent.", registry=SHARED
)
LEASES_RECLAIMED = Counter(
    "render_leases_reclaimed",
    "Expired leases that were taken away from workers that had died or hung, by the status that their jobs then had.",
    ["status"],
    registry=SHARED,
)
for _status in ("PENDING", "FAILED", "CANCELLED"):  # told from the beginning, so that the first one counts
    LEASES_RECLAIMED.labels(_status)
STORE_UP = Gauge(
    "render_store_up",
    "Whether `postgres` and `redis` answer: 1 or 0; asked every two seconds.",
    ["store"],
    registry=SHARED,
)
STORE_PROBE_SECONDS = Gauge(
    "render_store_probe_seconds", "How long the latest question to a store took.", ["store"], registry=SHARED
)
DATABASE_CONNECTIONS_BUSY = Gauge(
    "render_database_connections_busy", "Connections to Postgres that are in use now.", registry=SHARED
)
DATABASE_CONNECTIONS = Gauge(
    "render_database_connections",
    "The most connections to Postgres that this process opens, those of webhooks aside.",
    registry=SHARED,
)
EVENTS_UNPUBLISHED = Counter(
    "render_events_unpublished",
    "Events that could not be published over Redis; their watchers read them from Postgres, seconds later.",
    registry=SHARED,
)
