"""A video composed by many workers is the one that a single worker makes, whatever happens to messages and makers."""

import asyncio
import errno
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from render_service.compositor.compositor import Compositor
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.media.assets import Media, image_asset
from render_service.compositor.segments.build_fingerprint import build_fingerprint
from render_service.compositor.segments.job import SegmentJob
from render_service.compositor.segments.spec import DrawnCard, DrawnStill, SegmentSpec, ShotStretch
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import Lease, RenderSpec
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import OutputSpec, Quality, VideoCodec
from render_service.domain.projects.project import Fit, Motion, MotionKind, Project, Shot
from render_service.embedded import EmbeddedValkey
from render_service.engine.job_segments import JobSegments
from render_service.engine.segment_worker import SegmentWorker
from render_service.engine.segments import distributed_runner
from render_service.engine.segments.distributed_runner import DistributedRunner
from render_service.engine.segments.segment_coordination import SegmentCoordination
from render_service.queue.broker import make_broker
from render_service.queue.compose import COMPOSE_ACTOR, COMPOSE_QUEUE, ComposeQueue, SegmentRequest
from render_service.runtime.lifecycle import connect_redis
from render_service.storage.store import ObjectStore
from render_service.worker.consumer import Consumer
from tests.integration.engine.harness import working_machine

OUTPUT = OutputSpec(256, 144, 25, Quality.DRAFT)
PROJECT = Project(
    shots=(
        Shot("one", visual_description="One 一", narration="First", duration=timedelta(seconds=1)),
        Shot("two", visual_description="Two 二", narration="Second", duration=timedelta(seconds=1)),
    )
)


class Cluster:
    """Makers behind a queue, and a compositor that requests segments from them."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.redis: Redis = connect_redis(redis_url, timeout_seconds=30)
        self.coordination = SegmentCoordination(self.redis)
        self.store = ObjectStore((folder / "objects").as_uri())
        self.queue = ComposeQueue(make_broker(redis_url))
        self.makers = Compositor(processes=1)
        scratch = folder / "scratch"
        scratch.mkdir()
        self.maker = SegmentWorker(self.makers, self.coordination, self.store, scratch, gate=working_machine())
        self.runner = DistributedRunner(self.queue, self.coordination, self.store, self.makers.make_segment)
        self.requester = Compositor(processes=1, runner=self.runner)
        self.taken: list[str] = []
        self.to_be_dropped = 0
        self._redis_url = redis_url

    async def _take(self, *arguments: object) -> None:
        request = SegmentRequest.from_message(*arguments)  # type: ignore[arg-type]
        self.taken.append(request.key)
        if self.to_be_dropped > 0:
            # As a maker that is killed right after it took the message.
            self.to_be_dropped -= 1
            return
        await self.maker.make(request)

    def consume(self) -> Consumer:
        consumer = Consumer(
            make_broker(self._redis_url),
            queue=COMPOSE_QUEUE,
            actor=COMPOSE_ACTOR,
            slots=2,
            handle=self._take,
            loop=asyncio.get_running_loop(),
        )
        consumer.start()
        return consumer

    async def compose(self, workdir: Path, project: Project = PROJECT) -> bytes:
        (video,) = await self.compose_all(workdir, RenderSpec(project, OUTPUT))
        return video

    async def compose_all(self, workdir: Path, spec: RenderSpec) -> list[bytes]:
        workdir.mkdir()

        async def ignore(_: float) -> None:
            return

        async def record(_: Collection[str]) -> None:
            return

        lease = Lease(uuid4(), uuid4(), "team", uuid4(), 1, 0)
        async with self.runner.attempt(lease, workdir):
            videos = await self.requester.compose_all(
                spec,
                Media(),
                workdir=workdir,
                segments=JobSegments(self.store, "team", record),
                on_progress=ignore,
            )
        assert [info async for info in self.store.list("assets")] == []
        return [await asyncio.to_thread(video.path.read_bytes) for video in videos]


@pytest.fixture
async def cluster(redis_url: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    cluster = Cluster(redis_url, tmp_path)
    await asyncio.gather(cluster.makers.start(), cluster.requester.start())
    yield cluster
    await asyncio.gather(cluster.makers.close(), cluster.requester.close())
    await cluster.redis.aclose()


async def test_many_workers_make_the_same_bytes_as_one_of_every_output(cluster: Cluster, tmp_path: Path) -> None:
    half = ResolvedOutput("half", replace(OUTPUT, width=OUTPUT.width // 2, height=OUTPUT.height // 2))
    spec = RenderSpec(PROJECT, OUTPUT, outputs=(ResolvedOutput("whole", OUTPUT), half))
    consumer = cluster.consume()
    spread = await cluster.compose_all(tmp_path / "spread", spec)
    await consumer.stop()
    assert len(set(cluster.taken)) % 2 == 0 < len(cluster.taken), "the segments of both went through the queue"
    (tmp_path / "alone").mkdir()

    async def ignore(_: float) -> None:
        return

    alone = await cluster.makers.compose_all(
        spec, Media(), workdir=tmp_path / "alone", segments=None, on_progress=ignore
    )
    assert [video.path.read_bytes() for video in alone] == spread


async def test_segments_whose_maker_was_killed_are_made_by_another(cluster: Cluster, tmp_path: Path) -> None:
    cluster.to_be_dropped = 2
    consumer = cluster.consume()
    assert await cluster.compose(tmp_path / "video")
    await consumer.stop()
    assert len(cluster.taken) > len(set(cluster.taken)), "what was dropped was requested again"


async def test_orders_lost_with_redis_are_sent_again(cluster: Cluster, tmp_path: Path) -> None:
    composing = asyncio.create_task(cluster.compose(tmp_path / "video"))
    while await asyncio.to_thread(cluster.queue.empty):
        await asyncio.sleep(0.01)
    await cluster.redis.flushall()
    consumer = cluster.consume()
    assert await composing
    await consumer.stop()


async def test_without_redis_a_worker_renders_its_segments_itself(own_valkey: EmbeddedValkey, tmp_path: Path) -> None:
    cluster = Cluster(own_valkey.url, tmp_path)
    await own_valkey.stop()
    await asyncio.gather(cluster.makers.start(), cluster.requester.start())
    try:
        async with asyncio.timeout(120):
            assert await cluster.compose(tmp_path / "video")
    finally:
        await asyncio.gather(cluster.makers.close(), cluster.requester.close())
        await cluster.redis.aclose()
    assert cluster.taken == []


async def test_a_render_does_not_wait_behind_all_segments_of_another(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed_runner, "_SEND_AGAIN_SECONDS", 0.0)
    # Nobody ever comes to an end with these: what the render sends stays behind them.
    for number in range(100):
        cluster.queue.send(SegmentRequest(f"segments/others/{number}", b"", {}, uuid4()))
    async with asyncio.timeout(120):
        assert await cluster.compose(tmp_path / "video")
    assert await cluster.redis.llen(f"dramatiq:{COMPOSE_QUEUE}") > 100, "its own messages are left in the queue"


async def test_duplicate_orders_do_no_harm(cluster: Cluster, tmp_path: Path) -> None:
    composing = asyncio.create_task(cluster.compose(tmp_path / "video"))
    while await asyncio.to_thread(cluster.queue.empty):
        await asyncio.sleep(0.01)
    key = f"dramatiq:{COMPOSE_QUEUE}"
    for message in await cluster.redis.lrange(key, 0, -1):
        await cluster.redis.rpush(key, message, message)
    consumer = cluster.consume()
    assert await composing
    await consumer.stop()


async def test_a_cancelled_render_stops_its_makers(cluster: Cluster, tmp_path: Path) -> None:
    long = Project(shots=(Shot("long", visual_description="Long", duration=timedelta(seconds=300)),))
    consumer = cluster.consume()
    composing = asyncio.create_task(cluster.compose(tmp_path / "video", project=long))
    while not cluster.taken:
        await asyncio.sleep(0.01)
    composing.cancel()
    await asyncio.gather(composing, return_exceptions=True)
    async with asyncio.timeout(60):
        while [key async for key in cluster.redis.scan_iter("compose:working:*")]:
            await asyncio.sleep(0.05)
    await consumer.stop()


async def test_a_segment_that_cannot_be_made_fails_the_render_with_its_reason(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = RenderFailure(ErrorReason.COMPOSE_FAILED, "composing failed", {"shot_id": "one"}, retryable=True)

    async def damaged(*_: object) -> None:
        raise failure

    monkeypatch.setattr(cluster.makers, "make_segment", damaged)
    consumer = cluster.consume()
    with pytest.raises(RenderFailure) as caught:
        await cluster.compose(tmp_path / "video")
    await consumer.stop()
    assert (caught.value.reason, caught.value.message, caught.value.metadata, caught.value.retryable) == (
        failure.reason,
        failure.message,
        failure.metadata,
        failure.retryable,
    )


@pytest.mark.parametrize(
    ("fault", "closes"),
    [
        (MemoryError(), True),
        (OSError(errno.EMFILE, "Too many open files"), True),
        (RenderFailure(ErrorReason.COMPOSE_FAILED, "the worker process died", worker_fault=True), True),
        (ValueError("a fault of the service"), False),
        (RenderFailure(ErrorReason.ASSET_INVALID, "the file is damaged"), False),
    ],
    ids=repr,
)
async def test_a_machine_that_fails_takes_no_more_segments(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, closes: bool
) -> None:
    cluster = Cluster(redis_url, tmp_path)
    gate = working_machine()
    maker = SegmentWorker(cluster.makers, cluster.coordination, cluster.store, tmp_path / "scratch", gate=gate)

    async def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(cluster.makers, "make_segment", fail)
    render_id = uuid4()
    await cluster.coordination.want(render_id)
    layer = ShotStretch(DrawnCard("Card", "one", "one", "en"), Motion(kind=MotionKind.NONE), 10, 0)
    picture = PictureFormat(256, 144, 25, Quality.DRAFT, VideoCodec.H264)
    spec = SegmentSpec(build_fingerprint(), picture, 10, layer)
    await maker.make(SegmentRequest("segments/team/one", spec.to_bytes(), {}, render_id))
    assert gate.is_open != closes
    await cluster.redis.aclose()


async def test_a_file_that_another_worker_cannot_decode_is_named_by_its_field(cluster: Cluster, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    picture = PictureFormat(256, 144, 25, Quality.DRAFT, VideoCodec.H264)
    layer = ShotStretch(DrawnStill("ab" * 32, Fit.COVER), Motion(kind=MotionKind.NONE), 10, 0)
    spec = SegmentSpec(build_fingerprint(), picture, 10, layer)
    job = SegmentJob(spec.to_bytes(), {"ab" * 32: image_asset("shot-1", bad)}, 10)
    consumer = cluster.consume()
    workdir = tmp_path / "work"
    workdir.mkdir()
    lease = Lease(uuid4(), uuid4(), "team", uuid4(), 1, 0)
    async with cluster.runner.attempt(lease, workdir):
        with pytest.raises(RenderFailure, match=r"^shot-1\.image_uri: ") as caught:
            await cluster.runner.run(job, workdir, workdir / "output", lambda _: None)
    await consumer.stop()
    assert caught.value.reason is ErrorReason.ASSET_INVALID
    assert (caught.value.metadata["shot_id"], caught.value.metadata["field"]) == ("shot-1", "image_uri")
