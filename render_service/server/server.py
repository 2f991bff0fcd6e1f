"""The server process: builds its components, serves until SIGTERM, and shuts down gracefully."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

from render_service.config.settings import Settings
from render_service.config.speech_providers import remote_speech
from render_service.db.access.api_keys import ApiKeys
from render_service.db.access.audit_log import AuditLog
from render_service.db.access.quotas import WorkspaceQuotas
from render_service.db.access.service_keys import ServiceKeys
from render_service.db.batches.batches import Batches
from render_service.db.brand.brand_kits import BrandKits
from render_service.db.brand.fonts import WorkspaceFonts
from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.job_objects import JobObjects
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.db.jobs.jobs import Jobs
from render_service.db.jobs.workspace_events import WorkspaceEvents
from render_service.db.projects.projects import Projects
from render_service.db.webhooks.webhook_deliveries import WebhookDeliveries
from render_service.db.webhooks.webhooks import Webhooks
from render_service.domain.jobs.retention_policy import RetentionPolicy
from render_service.domain.retry import RetryPolicy
from render_service.fetch.limits import FetchLimits
from render_service.fetch.policy import FetchPolicy
from render_service.fonts.checking import FontChecker
from render_service.progress.hub import ProgressHub
from render_service.progress.publisher import Publisher
from render_service.queue.batch_runner import BatchRunner
from render_service.queue.broker import RenderQueue, make_broker
from render_service.queue.dispatcher import Dispatcher
from render_service.queue.frame_queue import FrameQueue
from render_service.queue.reconciler import Reconciler
from render_service.retention.deliveries import DeliveryPruner
from render_service.retention.expiry import Expiry
from render_service.retention.history import HistoryPruner
from render_service.retention.remover import Remover
from render_service.runtime.lifecycle import (
    connect_redis,
    open_store,
    tracing,
    wait_for_database,
)
from render_service.runtime.loop_lag import LoopLagMonitor
from render_service.runtime.readiness import Readiness, measure_connections
from render_service.runtime.status_server import status_page
from render_service.runtime.stopping import finishes_before, stop_event
from render_service.runtime.task_group import BackgroundTasks
from render_service.server.auth.authenticator import KeyReader
from render_service.server.auth.configured import make_authenticator
from render_service.server.callbacks.listener import callback_listener
from render_service.server.fonts.calls import FontCalls
from render_service.server.fonts.pinning import FontPinner
from render_service.server.gateway import open_ports
from render_service.server.interceptors.audit import AuditRecorder
from render_service.server.interceptors.rate_limits import QuotaCache
from render_service.server.interceptors.refusals import RefusalRecorder
from render_service.server.job_metrics import JobMetrics
from render_service.server.listener import Listener, check_listen
from render_service.server.mapping.cursor import Cursors
from render_service.server.services.batches.rows import RowFiles
from render_service.server.services.batches.service import BatchServicer
from render_service.server.services.batches.start_batch import BatchStarter
from render_service.server.services.brand import BrandServicer
from render_service.server.services.downloads import Downloads
from render_service.server.services.job_notifier import JobNotifier
from render_service.server.services.project import ProjectServicer
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.render import RenderServicer
from render_service.server.services.render_input import RenderInput
from render_service.server.services.speech_plan import SpeechPlanner
from render_service.server.services.start_render import RenderStarter
from render_service.server.services.voices import VoiceLists
from render_service.server.services.webhook import WebhookServicer
from render_service.server.services.webhook_input import WebhookTargets
from render_service.server.tls.credentials import server_credentials
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.server import SERVER, WATCHERS
from render_service.telemetry.metrics.shared import SHARED
from render_service.voices.catalog import VoiceCatalog
from render_service.webhooks.url_policy import WebhookUrlPolicy

_log = get_logger(__name__)
_COMMAND_SECONDS = 2.0
_LEAVE_SECONDS = 2.0


async def run_server(
    settings: Settings, *, shares_port: bool = False, on_ready: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: The service's configuration.
        shares_port: Whether other processes listen on the same port.
        on_ready: Is called once calls are served.

    Raises:
        ConfigurationError: the address is taken, or may not be listened on without TLS; or there can be no such store.
        TaskFailed: a background task failed: a bug.
    """
    for warning in check_listen(settings):
        _log.warning(warning, listen=settings.listen)
    tls = server_credentials(settings)
    store = open_store(settings.storage_url)
    stop = stop_event()

    async with AsyncExitStack() as stack:
        stack.enter_context(tracing("render-server"))
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        redis = connect_redis(settings.redis_url, timeout_seconds=_COMMAND_SECONDS)
        stack.push_async_callback(redis.aclose)
        # The start does not wait for Redis: without it everything works, only more slowly.
        if not await finishes_before(stop, wait_for_database(database)):
            return
        subscriptions = connect_redis(settings.redis_url, timeout_seconds=None)
        stack.push_async_callback(subscriptions.aclose)

        lifecycle = JobLifecycle(database, lease=settings.lease, retry=RetryPolicy(settings.max_failed_attempts))
        publisher, events, outbox = Publisher(redis), WorkspaceEvents(database), JobOutbox(database)
        queue = RenderQueue(make_broker(settings.redis_url))
        dispatcher = Dispatcher(outbox, queue)
        notifier = _open_notifier(stack, publisher, dispatcher)
        jobs, projects = Jobs(database, notifier.notify), Projects(database)
        tasks = await stack.enter_async_context(BackgroundTasks(stop))
        hub = _start_hub(tasks, ProgressHub(subscriptions, jobs.present, beat_seconds=settings.heartbeat_seconds))
        tasks.start("dispatcher", dispatcher.run())
        batches, runner = _start_batches(tasks, database, dispatcher, publisher)
        tasks.start("reconciler", Reconciler(lifecycle, outbox, queue, dispatcher, publisher).run())
        tasks.start("pruner", HistoryPruner(events, age=timedelta(days=settings.event_retention_days)).run())

        keys = _start_key_reader(tasks, stack, database)
        deletions, refusals = Deletions(database), _start_recording_refusals(tasks, stack, database)
        audit, remover = AuditRecorder(AuditLog(database)), _start_remover(tasks, settings.retention, database, store)
        quotas, kits = QuotaCache(WorkspaceQuotas(database), settings.quotas), BrandKits(database)
        parser, (speech, voices) = _make_parser(settings), _plan_speech(settings)
        cursors, targets = Cursors(ServiceKeys(database)), _webhook_targets(settings)
        starter = RenderStarter(
            jobs,
            projects,
            notifier,
            parser,
            settings=settings,
            quotas=quotas,
            speech=speech,
            kits=kits,
            fonts=FontPinner(WorkspaceFonts(database)),
        )
        listener = Listener(
            await stack.enter_async_context(make_authenticator(settings, keys)),
            RenderServicer(
                jobs=jobs,
                lifecycle=lifecycle,
                parser=parser,
                starter=starter,
                notifier=notifier,
                events=events,
                hub=hub,
                audit=audit,
                deletions=deletions,
                remover=remover,
                render_input=RenderInput(targets),
                voices=voices,
                frames=FrameQueue(subscriptions),
                cursors=cursors,
                downloads=Downloads(store, valid_for=timedelta(seconds=settings.download_url_seconds)),
            ),
            ProjectServicer(projects, parser, deletions=deletions, remover=remover),
            WebhookServicer(
                Webhooks(database),
                _start_delivery_pruner(tasks, settings, database),
                targets,
                audit=audit,
            ),
            BrandServicer(kits, parser, _font_calls(settings, database, store)),
            batches=BatchServicer(
                batches,
                BatchStarter(batches, starter, parser, projects=projects, kits=kits, quotas=quotas, runner=runner),
                runner,
                files=_row_files(settings),
                parser=parser,
                render_input=RenderInput(targets),
                hub=hub,
                cursors=cursors,
                quotas=quotas,
            ),
            quotas=quotas,
            refusals=refusals,
            measured=settings.metrics_listen is not None,
            tls=tls,
            serve_reflection=settings.reflection,
            max_streams=settings.max_streams,
            max_connections=settings.max_connections,
            max_idle_seconds=settings.max_idle_seconds,
            shares_port=shares_port,
        )
        tasks.start("session checks", listener.check_sessions())
        await stack.enter_async_context(callback_listener(settings, redis, shares_port=shares_port))
        ports = await stack.enter_async_context(open_ports(settings, listener, shares_port=shares_port))
        readiness = Readiness(database, redis, stop, listener.set_serving)
        tasks.start("readiness", readiness.run())
        _measure(settings, tasks, database, hub)
        await stack.enter_async_context(status_page(settings.metrics_listen, (SHARED, SERVER), readiness.is_ready))
        _log.info("server ready", listen=settings.listen, **ports, auth=settings.auth, tls=tls is not None)
        on_ready()
        await stop.wait()

        _log.info("server stopping", watchers=hub.watchers)
        await listener.refuse()
        # Watches end with a status that says how to resume; gRPC's own stop would only cancel them.
        hub.close()
        await hub.wait_until_left(_LEAVE_SECONDS)
        await listener.stop()
    _log.info("server stopped")


def _start_hub(tasks: BackgroundTasks, hub: ProgressHub) -> ProgressHub:
    """Let a hub listen in the background."""
    tasks.start("progress", hub.run())
    return hub


def _start_batches(
    tasks: BackgroundTasks, database: Database, dispatcher: Dispatcher, publisher: Publisher
) -> tuple[Batches, BatchRunner]:
    """Let batches go on in the background."""
    batches = Batches(database)
    runner = BatchRunner(batches, dispatcher, publisher)
    tasks.start("batches", runner.run())
    return batches, runner


def _measure(settings: Settings, tasks: BackgroundTasks, database: Database, hub: ProgressHub) -> None:
    """Register the metrics that are computed when scraped, if anything scrapes them."""
    if settings.metrics_listen is None:
        return
    WATCHERS.set_function(lambda: hub.watchers)
    measure_connections(database)
    tasks.start("job metrics", JobMetrics(database).run())
    tasks.start("loop lag", LoopLagMonitor().run())


def _open_notifier(stack: AsyncExitStack, publisher: Publisher, dispatcher: Dispatcher) -> JobNotifier:
    """Return a notifier whose last events are published, and messages sent, before the stack closes Redis."""
    notifier = JobNotifier(publisher, dispatcher)
    stack.push_async_callback(notifier.close, timeout_seconds=_COMMAND_SECONDS)
    stack.push_async_callback(dispatcher.close, timeout_seconds=_COMMAND_SECONDS)
    return notifier


def _start_key_reader(tasks: BackgroundTasks, stack: AsyncExitStack, database: Database) -> KeyReader:
    """Read API keys, and record their use in the background, for the last time when the server stops."""
    keys = KeyReader(ApiKeys(database))
    stack.push_async_callback(keys.record)
    tasks.start("key usage", keys.run())
    return keys


def _start_recording_refusals(tasks: BackgroundTasks, stack: AsyncExitStack, database: Database) -> RefusalRecorder:
    """Write audit entries of refused calls in the background, the last ones when the server stops."""
    refusals = RefusalRecorder(AuditLog(database))
    stack.push_async_callback(refusals.close)
    tasks.start("refusals", refusals.run())
    return refusals


def _fetch_policy(settings: Settings) -> FetchPolicy:
    return FetchPolicy(allow_http=settings.allow_http_assets, file_roots=settings.file_roots)


def _row_files(settings: Settings) -> RowFiles:
    return RowFiles(_fetch_policy(settings), FetchLimits(workspace_fetches=settings.workspace_fetches))


def _make_parser(settings: Settings) -> ProjectParser:
    return ProjectParser(_fetch_policy(settings), any_voice=bool(remote_speech(settings)))


def _font_calls(settings: Settings, database: Database, store: ObjectStore) -> FontCalls:
    return FontCalls(WorkspaceFonts(database), store, FontChecker(), max_bytes=settings.max_font_bytes)


def _plan_speech(settings: Settings) -> tuple[SpeechPlanner, VoiceLists]:
    catalog = VoiceCatalog(settings)
    planner = SpeechPlanner(settings, catalog)
    return planner, VoiceLists(settings, planner, catalog)


def _webhook_targets(settings: Settings) -> WebhookTargets:
    return WebhookTargets(settings.webhook_signing_keys, WebhookUrlPolicy(settings.webhook_allowed_hosts))


def _start_delivery_pruner(tasks: BackgroundTasks, settings: Settings, database: Database) -> WebhookDeliveries:
    """Prune deliveries past their retention."""
    deliveries = WebhookDeliveries(database)
    tasks.start("deliveries", DeliveryPruner(deliveries, age=settings.webhook_retention).run())
    return deliveries


def _start_remover(
    tasks: BackgroundTasks, retention: RetentionPolicy, database: Database, store: ObjectStore
) -> Remover:
    """Delete the objects of deleted and expired jobs."""
    deletions, objects = Deletions(database), JobObjects(database)
    remover = Remover(deletions, objects, store)
    tasks.start("remover", remover.run())
    expiry = Expiry(
        retention, deletions, AuditLog(database), store, remover, objects=objects, batches=Batches(database)
    )
    tasks.start("expiry", expiry.run())
    return remover
