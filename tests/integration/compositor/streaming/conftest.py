"""One stream, which all tests here look at: to compose it takes a second of processor time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from render_service.compositor.compositor import ComposedVideo, Compositor
from render_service.domain.jobs.job import Artifact, Lease, RenderSpec, StoredFile, Video
from render_service.domain.projects.delivery.outputs import ResolvedOutput
from render_service.domain.projects.output import OutputSpec, Quality, Streaming, VideoCodec
from render_service.engine.video_files import FinishedVideos, store_videos
from render_service.server.services.downloads import Downloads
from render_service.storage.store import ObjectStore
from tests.integration.compositor.storyboards import photo_shots, spec_of
from tests.seaweedfs import S3Server

JOB = UUID(int=7)
SECONDS, SEGMENT = 2.3, 2
STREAMING = Streaming(hls=True, dash=True, segment_duration=timedelta(seconds=SEGMENT))
LARGE = OutputSpec(320, 180, 24, Quality.DRAFT, streaming=STREAMING)
OUTPUTS = {
    "small": replace(LARGE, width=160, height=90, codec=VideoCodec.HEVC),
    "large": LARGE,
    "middle": replace(LARGE, width=256, height=144),
    "film": replace(LARGE, width=128, height=128, streaming=None),
}


@dataclass(frozen=True)
class ComposedStream:
    """What was asked for, and what was made."""

    spec: RenderSpec
    videos: tuple[ComposedVideo, ...]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def composed(compositor: Compositor, tmp_path_factory: pytest.TempPathFactory) -> ComposedStream:
    """Three videos of two captioned photos, 4.6 s; two of them are one stream."""
    folder = tmp_path_factory.mktemp("stream")
    shots, media = photo_shots(folder, 2, seconds=SECONDS)
    outputs = tuple(ResolvedOutput(name, output) for name, output in OUTPUTS.items())
    spec = replace(spec_of(shots, outputs[0].output), outputs=outputs)
    workdir = folder / "work"
    workdir.mkdir()

    async def ignore(_: float) -> None:
        pass

    videos = await compositor.compose_all(spec, media, workdir=workdir, segments=None, on_progress=ignore)
    return ComposedStream(spec, videos)


@pytest.fixture(scope="session")
def store(s3_server: S3Server) -> ObjectStore:
    """An S3 store under a prefix of these tests' own."""
    return ObjectStore(f"s3://films/{uuid4()}", s3=s3_server.options)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def video(composed: ComposedStream, store: ObjectStore) -> Video:
    """The stored videos."""
    lease = Lease(JOB, uuid4(), "team", uuid4(), 1, 0)
    return await store_videos(lease, FinishedVideos(composed.spec, composed.videos, (), ()), store)


def hls(video: Video) -> StoredFile:
    """Return the master playlist."""
    return video.files[Artifact.HLS]


async def signed(store: ObjectStore, file: StoredFile, hours: float = 1) -> tuple[str, datetime]:
    """Return the pre-signed URL of a file, and when it expires."""
    made = await Downloads(store, valid_for=timedelta(hours=hours)).url(JOB, file)
    return made.url, made.expire_time
