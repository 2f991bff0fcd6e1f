"""The server process: puts its parts together, serves until told to stop, and takes leave of its callers."""

import asyncio
import ipaddress
import signal
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from render.v1 import project_service_pb2, project_service_pb2_grpc, render_service_pb2, render_service_pb2_grpc

from render_service.config import ConfigurationError, Settings
from render_service.db.api_keys import ApiKeys
from render_service.db.database import Database
from render_service.db.jobs import Jobs
from render_service.db.outbox import Outbox
from render_service.db.projects import Projects
from render_service.db.transitions import Transitions
from render_service.db.workspace_events import WorkspaceEvents
from render_service.domain.retry import RetryPolicy
from render_service.fetch.policy import FetchPolicy
from render_service.progress.hub import ProgressHub
from render_service.progress.publisher import Publisher
from render_service.queue.broker import RenderQueue, make_broker
from render_service.queue.dispatcher import Dispatcher
from render_service.queue.pruner import Pruner
from render_service.queue.reconciler import Reconciler
from render_service.server.announcer import Announcer
from render_service.server.auth import Authenticator, AuthInterceptor
from render_service.server.downloads import Downloads
from render_service.server.errors import ErrorInterceptor
from render_service.server.project_reader import ProjectReader
from render_service.server.project_servicer import ProjectServicer
from render_service.server.render_servicer import RenderServicer
from render_service.server.starter import Starter
from render_service.startup import Parts, before, connect_redis, wait_for_database, wait_for_redis
from render_service.storage.store import ObjectStore
from render_service.telemetry import get_logger

_log = get_logger(__name__)
_COMMAND_SECONDS = 2.0
_LEAVE_SECONDS = 2.0
_GRACE_SECONDS = 5.0
SERVICES = (
    render_service_pb2.DESCRIPTOR.services_by_name["RenderService"].full_name,
    project_service_pb2.DESCRIPTOR.services_by_name["ProjectService"].full_name,
)
_OPTIONS = (
    # Two servers on one port would share its calls silently.
    ("grpc.so_reuseport", 0),
    # A peer that froze or fell off the network is dropped within 9 s.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.http2.ping_timeout_ms", 4_000),
    # Clients may ping every 10 s; strictly below that is tolerated.
    ("grpc.http2.min_ping_interval_without_data_ms", 4_500),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
)


async def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: The service's configuration.

    Raises:
        ConfigurationError: the address is taken, or may not be listened on without TLS.
    """
    check_listen(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        redis = connect_redis(settings.redis_url, timeout_seconds=_COMMAND_SECONDS)
        stack.push_async_callback(redis.aclose)
        if not await before(stop, wait_for_database(database)) or not await before(stop, wait_for_redis(redis)):
            return
        subscriptions = connect_redis(settings.redis_url, timeout_seconds=None)
        stack.push_async_callback(subscriptions.aclose)

        jobs, projects, outbox = Jobs(database), Projects(database), Outbox(database)
        events = WorkspaceEvents(database)
        transitions = Transitions(database, lease=settings.lease, retry=RetryPolicy(settings.max_failed_attempts))
        publisher = Publisher(redis)
        queue = RenderQueue(make_broker(settings.redis_url))
        dispatcher = Dispatcher(outbox, queue)
        announcer = Announcer(publisher, dispatcher)
        store = ObjectStore(settings.storage_url)
        hub = ProgressHub(subscriptions, jobs.present, beat_seconds=settings.heartbeat_seconds)
        await hub.start()
        stack.push_async_callback(hub.stop)
        parts = await stack.enter_async_context(Parts(stop))
        parts.run("dispatcher", dispatcher.run())
        parts.run("reconciler", Reconciler(transitions, outbox, queue, dispatcher, publisher).run())
        parts.run("pruner", Pruner(events, age=timedelta(days=settings.event_retention_days)).run())

        policy = FetchPolicy(allow_http=settings.allow_http_assets, file_roots=settings.file_roots)
        reader = ProjectReader(policy)
        authenticator = Authenticator(ApiKeys(database)) if settings.auth == "api-keys" else None
        server = grpc.aio.server(interceptors=(ErrorInterceptor(), AuthInterceptor(authenticator)), options=_OPTIONS)
        render_service_pb2_grpc.add_RenderServiceServicer_to_server(
            RenderServicer(
                jobs=jobs,
                transitions=transitions,
                reader=reader,
                starter=Starter(jobs, projects, announcer, reader, settings),
                announcer=announcer,
                events=events,
                hub=hub,
                downloads=Downloads(store, valid_for=timedelta(seconds=settings.download_url_seconds)),
            ),
            server,
        )
        project_service_pb2_grpc.add_ProjectServiceServicer_to_server(ProjectServicer(projects, reader), server)
        health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        reflection.enable_server_reflection(
            (*SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME), server
        )
        try:
            port = server.add_insecure_port(settings.listen)
        except RuntimeError:
            raise ConfigurationError(f"RENDER_LISTEN: cannot listen on {settings.listen}") from None
        await server.start()
        for service in ("", *SERVICES):
            await health.set(service, health_pb2.HealthCheckResponse.SERVING)
        _log.info("server ready", listen=settings.listen, port=port, auth=settings.auth)
        await stop.wait()

        _log.info("server stopping", watchers=hub.watchers)
        await health.enter_graceful_shutdown()
        # Watches are ended by us, with a word on how to resume: gRPC's own stop would only cut them.
        hub.close()
        await hub.wait_until_left(_LEAVE_SECONDS)
        await server.stop(_GRACE_SECONDS)
    _log.info("server stopped")


def check_listen(settings: Settings) -> None:
    """Refuse to listen beyond this machine without TLS or without auth, unless told to.

    Raises:
        ConfigurationError: it may not.
    """
    host = settings.listen.rpartition(":")[0].strip("[]")
    if not settings.listen.rpartition(":")[2].isdigit() or not host:
        raise ConfigurationError("RENDER_LISTEN: must be host:port, such as 127.0.0.1:50051")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if loopback:
        return
    if settings.auth == "off":
        raise ConfigurationError("RENDER_AUTH: may be `off` only while RENDER_LISTEN is a loopback address")
    if not settings.insecure_listen:
        raise ConfigurationError(
            "RENDER_LISTEN: beyond a loopback address only with RENDER_INSECURE_LISTEN=true, behind something that "
            "adds TLS: keys would travel readable"
        )
    _log.warning("listening beyond this machine without TLS", listen=settings.listen)
