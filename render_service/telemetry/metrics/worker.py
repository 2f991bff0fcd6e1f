"""The metrics that only workers have."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

WORKER = CollectorRegistry()
_STAGE_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_CALL_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

SLOTS = Gauge("render_worker_slots", "Jobs that this worker can run at a time.", registry=WORKER)
SLOTS_BUSY = Gauge("render_worker_slots_busy", "Jobs that this worker is running.", registry=WORKER)
TAKES_JOBS = Gauge(
    "render_worker_takes_jobs",
    "Whether this worker takes jobs: 0 while its machine fails, for example because its scratch disk is full.",
    registry=WORKER,
)
COMPOSE_PROCESSES = Gauge("render_compose_processes", "Compose processes of this worker.", registry=WORKER)
COMPOSE_PROCESSES_BUSY = Gauge(
    "render_compose_processes_busy", "Compose processes of this worker that are working.", registry=WORKER
)
SPEECH_MODEL_LOADED = Gauge(
    "render_speech_model_loaded", "Whether this worker keeps a process with the speech model, 0.7 GB.", registry=WORKER
)
SPEECH_MEMORY = Gauge(
    "render_speech_memory_bytes", "Resident memory of the speech processes of this worker.", registry=WORKER
)
SPEECH_PROCESSES_STARTED = Counter(
    "render_speech_processes_started",
    "Speech processes that this worker started; each loads the model with its first narration.",
    registry=WORKER,
)
SPEECH_SPOKEN_SECONDS = Counter(
    "render_speech_spoken_seconds", "Seconds of speech that this worker's own model spoke.", registry=WORKER
)
SPEECH_WORK_SECONDS = Counter(
    "render_speech_work_seconds",
    "Seconds that this worker's own model took to speak; divided by the seconds spoken, the real-time factor.",
    registry=WORKER,
)
JOB_WAIT_SECONDS = Histogram(
    "render_job_wait_seconds",
    "How long jobs were due before their first attempt.",
    buckets=_STAGE_SECONDS,
    registry=WORKER,
)
ATTEMPTS = Counter(
    "render_attempts",
    "Attempts that ended: `completed`, `failed`, `retried`, `cancelled`, `handed_over` (the worker shut down) "
    "or `lost` (its lease expired); with the reason of failed and retried attempts.",
    ["provider", "outcome", "reason"],
    registry=WORKER,
)
STAGE_SECONDS = Histogram(
    "render_stage_seconds",
    "Duration of the stages of attempts, including those that failed.",
    ["stage", "provider"],
    buckets=_STAGE_SECONDS,
    registry=WORKER,
)
SEGMENTS = Counter(
    "render_segments",
    "Segments of videos: `made`, or `reused` from the cache.",
    ["origin"],
    registry=WORKER,
)
for _origin in ("made", "reused"):
    SEGMENTS.labels(_origin)
FRAMES_COMPOSED = Counter("render_frames_composed", "Frames that this worker composed.", registry=WORKER)
FRAMES_DRAWN = Counter(
    "render_frames_drawn",
    "Single frames that RenderFrame asked this worker for; with the reason of those that could not be drawn.",
    ["reason"],
    registry=WORKER,
)
WEBHOOK_TRIES = Counter(
    "render_webhook_tries",
    "Attempts to deliver an event to a webhook, by the resulting state of the delivery: `DELIVERED`, `PENDING` (it is "
    "retried) or `FAILED` (given up).",
    ["state"],
    registry=WORKER,
)
PROVIDER_CALLS = Counter(
    "render_provider_calls",
    "Calls to providers: `prepare`, `submit`, `poll`, `cancel` or `fetch`; by outcome: `ok`, or the kind of fault.",
    ["provider", "operation", "outcome"],
    registry=WORKER,
)
PROVIDER_CALL_SECONDS = Histogram(
    "render_provider_call_seconds",
    "Duration of calls to providers.",
    ["provider", "operation"],
    buckets=_CALL_SECONDS,
    registry=WORKER,
)
PROVIDER_COST = Counter(
    "render_provider_cost",
    "What providers have charged for clips, in their own units.",
    ["provider", "unit"],
    registry=WORKER,
)
