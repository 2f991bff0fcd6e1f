"""The worker process: assembles its parts, runs until it is stopped, and hands its jobs over."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import RedisError

from render_service.compositor.compositor import Compositor
from render_service.compositor.processes.pool import ProcessPool
from render_service.config.settings import ConfigurationError, Settings
from render_service.confinement.confine import describe_confinement
from render_service.db.database import Database, DatabaseUnavailable
from render_service.db.jobs.job_lifecycle import JobLifecycle
from render_service.db.jobs.job_objects import JobObjects
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.domain.retry import RetryPolicy
from render_service.engine.attempt import AttemptContext
from render_service.engine.machine_gate import MachineGate
from render_service.engine.previews.worker import FrameWorker
from render_service.engine.runner import JobRunner, RunnerLimits
from render_service.engine.segment_worker import SegmentWorker
from render_service.engine.segments.distributed_runner import DistributedRunner
from render_service.engine.segments.segment_coordination import SegmentCoordination
from render_service.engine.speakers import Speakers
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.limits import FetchLimits
from render_service.fetch.policy import FetchPolicy
from render_service.progress.publisher import Publisher
from render_service.queue.broker import RENDER_ACTOR, RENDER_QUEUE, RenderQueue, make_broker
from render_service.queue.compose import COMPOSE_ACTOR, COMPOSE_QUEUE, ComposeQueue, SegmentRequest
from render_service.queue.dispatcher import Dispatcher
from render_service.queue.frame_queue import FrameQueue
from render_service.queue.reconciler import Reconciler
from render_service.runtime.lifecycle import (
    connect_redis,
    open_store,
    tracing,
    wait_for_database,
)
from render_service.runtime.loop_lag import LoopLagMonitor
from render_service.runtime.readiness import Readiness, measure_connections
from render_service.runtime.status_server import status_page
from render_service.runtime.stopping import finishes_before
from render_service.runtime.task_group import BackgroundTasks
from render_service.storage.store import ObjectStore
from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.shared import SHARED
from render_service.telemetry.metrics.worker import (
    COMPOSE_PROCESSES,
    COMPOSE_PROCESSES_BUSY,
    SLOTS,
    SPEECH_MEMORY,
    SPEECH_MODEL_LOADED,
    WORKER,
)
from render_service.worker.consumer import Consumer
from render_service.worker.job_poller import JobPoller
from render_service.worker.providers import open_providers
from render_service.worker.reserved_slot import ReservedSlot
from render_service.worker.speech import open_recognizer, open_speakers
from render_service.worker.webhooks import webhook_sender

_log = get_logger(__name__)
_COMMAND_SECONDS = 2.0
_STOP_SECONDS = 6.0


async def run_worker(settings: Settings, folder: Path, pool: ProcessPool, stop: asyncio.Event) -> None:
    """Run jobs until SIGTERM or SIGINT, then hand over what runs.

    Args:
        settings: The service's configuration.
        folder: The scratch folder of this process.
        pool: Its compose processes, which may use that folder.
        stop: Is set by SIGTERM and SIGINT.

    Raises:
        ConfigurationError: there can be no such object store or ready file.
        TaskFailed: a background task failed: a bug.
    """
    store = open_store(settings.storage_url)

    async with AsyncExitStack() as stack:
        stack.enter_context(tracing("render-worker"))
        database = Database(settings.database_url, size=max(4, min(settings.worker_slots, 16)))
        stack.push_async_callback(database.close)
        redis = connect_redis(settings.redis_url, timeout_seconds=_COMMAND_SECONDS)
        stack.push_async_callback(redis.aclose)
        if not await finishes_before(stop, wait_for_database(database)):
            return

        lifecycle = JobLifecycle(
            database,
            lease=settings.lease,
            retry=RetryPolicy(settings.max_failed_attempts),
            running_quota=settings.quotas.running_jobs,
        )
        outbox = JobOutbox(database)
        broker = make_broker(settings.redis_url)
        queue = RenderQueue(broker)
        sender = await stack.enter_async_context(webhook_sender(settings))
        publisher = Publisher(redis, sender.nudge if sender else lambda: None)
        dispatcher = Dispatcher(outbox, queue)
        fetcher = Fetcher(fetch_policy(settings), limits=fetch_limits(settings))
        coordination = SegmentCoordination(redis)
        remote = None
        if settings.compose == "queue":
            remote = DistributedRunner(ComposeQueue(broker), coordination, store, Compositor(pool=pool).make_segment)
        compositor = Compositor(pool=pool, runner=remote)
        speakers = await stack.enter_async_context(open_speakers(settings, folder, database, compositor))
        recognizer = await stack.enter_async_context(open_recognizer(settings, folder))
        providers = await stack.enter_async_context(open_providers(settings, database, store, compositor))
        gate = MachineGate(partial(compositor.test_machine, folder))
        runner = JobRunner(
            worker=f"{socket.gethostname()}:{os.getpid()}",
            slots=settings.worker_slots,
            lifecycle=lifecycle,
            publisher=publisher,
            dispatcher=dispatcher,
            providers=providers.providers,
            context=AttemptContext(
                store,
                fetcher,
                compositor,
                folder,
                objects=JobObjects(database),
                runner=remote,
                speakers=speakers,
                recognizer=recognizer,
            ),
            limits=RunnerLimits(
                timedelta(seconds=settings.job_deadline_seconds), timedelta(seconds=settings.no_progress_seconds)
            ),
            gate=gate,
        )
        reconciler = Reconciler(lifecycle, outbox, queue, dispatcher, publisher)
        tasks = await stack.enter_async_context(BackgroundTasks(stop))
        background = {
            "leases": runner.keep_leases(),
            "dispatcher": dispatcher.run(),
            "reconciler": reconciler.run(),
            "machine gate": gate.run(),
            "job poller": JobPoller(runner).run(),
            "reserved slot": ReservedSlot(runner).run(),
            "providers": providers.run(),
            "frames": _draw_frames(settings, compositor, fetcher, store, folder),
        }
        for name, work in background.items():
            tasks.start(name, work)
        if sender is not None:
            tasks.start("webhooks", sender.run())

        maker = SegmentWorker(compositor, coordination, store, folder, gate=gate)
        consumers = [*_consumers(settings, broker, runner, maker)]
        for consumer in consumers:
            consumer.start()
        readiness = Readiness(database, redis, stop, is_able=lambda: gate.is_open)
        if settings.metrics_listen is not None:
            _measure(settings, database, compositor, speakers)
            tasks.start("readiness", readiness.run())
            tasks.start("loop lag", LoopLagMonitor().run())
        await stack.enter_async_context(status_page(settings.metrics_listen, (SHARED, WORKER), readiness.is_ready))
        _say_ready(settings)
        await stop.wait()
        _log.info("worker stopping")
        grace = timedelta(seconds=settings.shutdown_grace_seconds)
        await _hand_over(grace, consumers, runner=runner, maker=maker, outbox=outbox, dispatcher=dispatcher)
    _log.info("worker stopped")


async def _draw_frames(
    settings: Settings, compositor: Compositor, fetcher: Fetcher, store: ObjectStore, folder: Path
) -> None:
    """Draw single frames until cancelled."""
    redis = connect_redis(settings.redis_url, timeout_seconds=None)
    try:
        await FrameWorker(
            FrameQueue(redis), compositor, fetcher, store, folder, at_once=settings.compose_processes
        ).run()
    finally:
        await redis.aclose()


async def _hand_over(
    grace: timedelta,
    consumers: Sequence[Consumer],
    *,
    runner: JobRunner,
    maker: SegmentWorker,
    outbox: JobOutbox,
    dispatcher: Dispatcher,
) -> None:
    """Take no more jobs, and leave those that do not end within the grace period to other workers."""
    stopped = [consumer.stop() for consumer in consumers]
    await asyncio.gather(runner.drain(grace), maker.drain(grace))
    # What follows only makes other workers start sooner: without Redis, they poll.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            with contextlib.suppress(DatabaseUnavailable, RedisError, OSError):
                await dispatcher.dispatch()  # messages for the jobs handed over
            await asyncio.wait(stopped)
            if runner.hint_wasted:
                await _send_again(outbox, dispatcher)


def _measure(settings: Settings, database: Database, compositor: Compositor, speakers: Speakers) -> None:
    """Set up the metrics that are read, not counted."""
    SLOTS.set(settings.worker_slots)
    COMPOSE_PROCESSES.set(settings.compose_processes)
    COMPOSE_PROCESSES_BUSY.set_function(lambda: compositor.busy)
    SPEECH_MODEL_LOADED.set_function(lambda: speakers.has_model_loaded)
    SPEECH_MEMORY.set_function(lambda: speakers.memory_bytes)
    measure_connections(database)


async def _send_again(outbox: JobOutbox, dispatcher: Dispatcher) -> None:
    """Send messages for all due jobs: this worker received some while draining and did not run their jobs."""
    with contextlib.suppress(DatabaseUnavailable, RedisError, OSError):
        await outbox.forget_stale(age=timedelta(0))
        await dispatcher.dispatch()


def _consumers(settings: Settings, broker: RedisBroker, runner: JobRunner, maker: SegmentWorker) -> Iterator[Consumer]:
    loop = asyncio.get_running_loop()

    async def run_next(_job_id: str) -> None:
        # Whichever job's turn it is, which need not be the one that the message was sent for; and then the next, until
        # there is none: the message of a job whose workspace had its fill was dropped, and its end frees capacity.
        while await runner.run_next():
            pass

    async def make_segment(*arguments: Any) -> None:
        await maker.make(SegmentRequest.from_message(*arguments))

    slots = settings.worker_slots
    yield Consumer(broker, queue=RENDER_QUEUE, actor=RENDER_ACTOR, slots=slots, handle=run_next, loop=loop)
    if settings.compose == "queue":
        slots = settings.compose_processes
        # Dramatiq needs a broker for each of its workers.
        broker = make_broker(settings.redis_url)
        yield Consumer(broker, queue=COMPOSE_QUEUE, actor=COMPOSE_ACTOR, slots=slots, handle=make_segment, loop=loop)


def _say_ready(settings: Settings) -> None:
    if (ready_file := settings.ready_file) is not None:
        try:
            ready_file.touch()
        except OSError as error:
            raise ConfigurationError(f"RENDER_READY_FILE: {ready_file} cannot be written: {error.strerror}") from None
    _log.info(
        "worker ready",
        slots=settings.worker_slots,
        compose_processes=settings.compose_processes,
        sandbox=describe_confinement(),
    )


def fetch_policy(settings: Settings) -> FetchPolicy:
    """Return what may be fetched for a project."""
    return FetchPolicy(
        allow_http=settings.allow_http_assets,
        file_roots=settings.file_roots,
        max_bytes=settings.max_asset_bytes,
        total_timeout=settings.asset_timeout,
    )


def fetch_limits(settings: Settings) -> FetchLimits:
    """Return what the jobs of a workspace may fetch and hold on this worker."""
    return FetchLimits(
        job_bytes=settings.max_job_asset_bytes,
        job_time=settings.job_fetch_time,
        workspace_bytes=settings.workspace_scratch_bytes,
        workspace_fetches=settings.workspace_fetches,
    )
