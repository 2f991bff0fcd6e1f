"""Both Python clients against the real service, also while its server is killed under them."""

import asyncio
import hashlib
import itertools
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import duration_pb2
from render_client import (
    AlreadyExistsError,
    AsyncRenderClient,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    RenderClient,
    has_ended,
    status_name,
)
from render_client.v1 import job_pb2, output_pb2, project_pb2

from tests.integration.client.conftest import Service

CARDS = project_pb2.Project(
    title="Cards",
    storyboard=project_pb2.Storyboard(
        shots=[project_pb2.Shot(visual_description="One", duration=duration_pb2.Duration(seconds=1))]
    ),
)
SMALL = output_pb2.OutputOptions(
    size=output_pb2.FrameSize(width=320, height=180), quality=output_pb2.QUALITY_PRESET_DRAFT
)


@pytest.fixture
def client(service: Service) -> Iterator[RenderClient]:
    """A synchronous client."""
    with RenderClient(service.target, token=service.token, workspace=service.workspace) as client:
        yield client


@pytest.fixture(scope="module")
def large_job(service: Service, noise_picture: Path) -> job_pb2.Job:
    """A COMPLETED job with a video larger than all buffers on the way."""
    shot = project_pb2.Shot(
        image_uri=noise_picture.as_uri(), caption="", duration=duration_pb2.Duration(seconds=4, nanos=500_000_000)
    )
    shot.motion.kind = project_pb2.MOTION_KIND_PAN_LEFT
    project = project_pb2.Project(storyboard=project_pb2.Storyboard(shots=[shot]))
    # A GIF of noise is large and yet made in a second.
    output = output_pb2.OutputOptions(container=output_pb2.CONTAINER_GIF)
    with RenderClient(service.target, token=service.token, workspace=service.workspace) as client:
        job = client.wait(client.start(project, output=output).job_id)
    assert status_name(job.status) == "COMPLETED", job.error_message
    assert job.video.size_bytes > 8_000_000, job.video.size_bytes
    return job


def test_a_project_becomes_a_checked_video_on_disk(client: RenderClient, tmp_path: Path) -> None:
    project = client.create_project(CARDS)
    job = client.start(project_id=project.project_id, output=SMALL, labels={"team": "sea"})
    events = list(client.watch(job.job_id))
    assert status_name(events[-1].status) == "COMPLETED"
    assert all(one.sequence < then.sequence for one, then in itertools.pairwise(events))
    done = client.get(job.job_id)
    video = client.download(job.job_id, tmp_path / "v.mp4").read_bytes()
    assert (len(video), hashlib.sha256(video).hexdigest()) == (done.video.size_bytes, done.video.sha256)
    assert client.download(job.job_id, tmp_path / "p.jpg", artifact="poster").read_bytes().startswith(b"\xff\xd8")
    assert [each.job_id for each in client.list(labels={"team": "sea"}, statuses=["COMPLETED"])] == [job.job_id]
    assert client.get_project(project.project_id).status == project_pb2.PROJECT_STATUS_COMPLETED


async def test_the_asyncio_client_does_the_same(service: Service, tmp_path: Path) -> None:
    async with AsyncRenderClient(service.target, token=service.token, workspace=service.workspace) as client:
        jobs = [await client.start(CARDS, provider="mock") for _ in range(3)]
        ends = await asyncio.gather(*(client.wait(job.job_id) for job in jobs))
        assert [status_name(end.status) for end in ends] == ["COMPLETED"] * 3
        listed = [job.job_id async for job in client.list()]
        assert listed[:3] == [job.job_id for job in reversed(jobs)]


def test_pages_are_walked_to_the_end(client: RenderClient) -> None:
    label = {"batch": uuid.uuid4().hex}
    started = [client.start(CARDS, provider="mock", labels=label).job_id for _ in range(105)]
    assert [job.job_id for job in client.list(labels=label)] == started[::-1]
    for job_id in started:
        client.cancel(job_id)


def test_a_cancelled_job_ends_its_watch(client: RenderClient) -> None:
    job = client.start(CARDS, provider="mock")
    client.cancel(job.job_id)
    assert status_name([*client.watch(job.job_id)][-1].status) == "CANCELLED"


def test_a_watch_that_had_seen_the_end_receives_it_again(client: RenderClient) -> None:
    job = client.wait(client.start(CARDS, provider="mock").job_id)
    assert [event.sequence for event in client.watch(job.job_id, after_sequence=job.sequence)] == [job.sequence]


def test_refusals_arrive_as_errors_with_reasons(client: RenderClient, service: Service) -> None:
    absent = str(uuid.uuid4())
    with pytest.raises(NotFoundError) as not_found:
        client.get(absent)
    assert (not_found.value.reason, not_found.value.metadata) == ("JOB_NOT_FOUND", {"job_id": absent})

    with pytest.raises(InvalidRequestError) as invalid:
        client.start(project_pb2.Project(), provider="nope")
    assert {fault.field for fault in invalid.value.field_faults} >= {"provider"}

    job = client.start(CARDS, provider="mock")
    with pytest.raises(PreconditionError) as early:
        client.create_download_url(job.job_id)
    assert early.value.reason == "VIDEO_NOT_READY"

    with pytest.raises(AlreadyExistsError) as reused:
        client.start(CARDS, provider="local", request_id=job.request_id)
    assert reused.value.metadata["job_id"] == job.job_id

    unknown = RenderClient(service.target, token="wrong", workspace=service.workspace)
    with unknown, pytest.raises(AuthenticationError):
        unknown.get(absent)
    stranger = RenderClient(service.target, token=service.token, workspace="foreign")
    with stranger, pytest.raises(PermissionDeniedError):
        stranger.get(absent)


def test_two_people_do_not_overwrite_each_others_project(client: RenderClient) -> None:
    project = client.create_project(CARDS)
    mine, theirs = client.get_project(project.project_id), client.get_project(project.project_id)
    theirs.title = "Theirs"
    client.update_project(theirs)
    mine.title = "Mine"
    with pytest.raises(ConflictError):
        client.update_project(mine)
    client.delete_project(project.project_id)
    assert project.project_id not in {each.project_id for each in client.list_projects()}


def test_a_watch_outlives_a_killed_server(client: RenderClient, service: Service) -> None:
    job = client.start(CARDS, provider="mock")
    events = []
    restart = threading.Thread(target=service.restart_server)
    for event in client.watch(job.job_id):
        events.append(event)
        if not restart.ident:
            service.stack.server.kill()
            restart.start()
    restart.join()
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))
    assert status_name(events[-1].status) == "COMPLETED"


def test_a_watch_of_the_workspace_outlives_a_killed_server_without_loss_or_repeat(
    client: RenderClient, service: Service
) -> None:
    label = {"watched": uuid.uuid4().hex}
    watched = {client.start(CARDS, provider="mock", labels=label).job_id for _ in range(3)}
    restart = threading.Thread(target=service.restart_server)
    seen: list[job_pb2.JobEvent] = []
    ended: set[str] = set()
    for change in client.watch_workspace(start="oldest", labels=label):
        assert change.event is not None
        seen.append(change.event)
        if not restart.ident:
            service.stack.server.kill()
            restart.start()
        if has_ended(change.event):
            ended.add(change.event.job_id)
        if ended == watched:
            break
    restart.join()
    positions = [(event.job_id, event.sequence) for event in seen]
    assert len(set(positions)) == len(positions)
    for job_id in watched:
        states = [status_name(event.status) for event in seen if event.job_id == job_id]
        assert states[0] == "PENDING"
        assert states[-1] == "COMPLETED"
        sequences = [event.sequence for event in seen if event.job_id == job_id]
        assert sequences == sorted(sequences)


async def test_an_asyncio_watch_outlives_a_killed_server(service: Service) -> None:
    async with AsyncRenderClient(service.target, token=service.token, workspace=service.workspace) as client:
        job = await client.start(CARDS, provider="mock")
        events = []
        restart = None
        async for event in client.watch(job.job_id):
            events.append(event)
            if restart is None:
                service.stack.server.kill()
                restart = asyncio.create_task(service.stack.start_server())
        assert restart is not None
        await restart
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))
    assert status_name(events[-1].status) == "COMPLETED"


def test_a_download_outlives_a_killed_server(
    client: RenderClient, service: Service, large_job: job_pb2.Job, tmp_path: Path
) -> None:
    restart = threading.Thread(target=service.restart_server)
    received: list[int] = []

    def kill_once(got: int, size: int) -> None:
        received.append(got)
        if not restart.ident:
            service.stack.server.kill()
            restart.start()

    video = client.download(large_job.job_id, tmp_path / "v.mp4", on_progress=kill_once).read_bytes()
    restart.join()
    assert hashlib.sha256(video).hexdigest() == large_job.video.sha256
    # Resumed, not begun anew: no byte came twice.
    assert received == sorted(set(received))


async def test_an_asyncio_download_outlives_a_killed_server(
    service: Service, large_job: job_pb2.Job, tmp_path: Path
) -> None:
    restart = threading.Thread(target=service.restart_server)

    def kill_once(got: int, size: int) -> None:
        if not restart.ident:
            service.stack.server.kill()
            restart.start()

    async with AsyncRenderClient(service.target, token=service.token, workspace=service.workspace) as client:
        path = await client.download(large_job.job_id, tmp_path / "v.mp4", on_progress=kill_once)
    restart.join()
    assert hashlib.sha256(await asyncio.to_thread(path.read_bytes)).hexdigest() == large_job.video.sha256


def test_a_restarting_server_starts_no_second_job(client: RenderClient, service: Service) -> None:
    label = {"once": uuid.uuid4().hex}
    client.get(client.start(CARDS, provider="mock").job_id)
    service.stack.server.kill()
    restart = threading.Thread(target=service.restart_server)
    restart.start()
    request_id = str(uuid.uuid4())
    while True:
        try:
            job = client.start(CARDS, provider="mock", labels=label, request_id=request_id)
            break
        except Exception as error:
            if not getattr(error, "connection_lost", False):
                raise
    restart.join()
    assert client.start(CARDS, provider="mock", labels=label, request_id=request_id).job_id == job.job_id
    assert [each.job_id for each in client.list(labels=label)] == [job.job_id]
