"""A process is killed at each step of a job's life, or loses its connection there: the job ends well all the same."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from render_client.v1 import job_pb2

from tests.robustness import statements
from tests.robustness.cluster import Cluster, Member
from tests.robustness.proxy import Act, Moment, Proxy, Trap
from tests.robustness.service import Caller, caller
from tests.robustness.validators import fenced, one_end

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTH = (Moment.BEFORE, Moment.AFTER)
SETTINGS = {"RENDER_MOCK_DELAY": "0.1", "RENDER_LEASE_SECONDS": "2.5", "RENDER_LOG_LEVEL": "warning"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calling(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    """Somebody who calls one server and two workers."""
    folder = tmp_path_factory.mktemp("steps")
    async with Cluster(folder, workers=2, settings=SETTINGS) as cluster:
        by = caller(cluster)
        async with by.client:
            yield by


@contextmanager
def trapped(
    members: Sequence[Member], text: bytes, moment: Moment, *, act: Act = Act.CUT, kill: bool, parameter: bytes = b""
) -> Iterator[asyncio.Event]:
    """Wait at a step of the member that takes it first; the event is set when it was taken."""
    sprung = asyncio.Event()
    set_traps: list[tuple[Proxy, Trap]] = []

    def spring(member: Member) -> None:
        for proxy, trap in set_traps:
            proxy.remove_trap(trap)
        if kill:
            member.kill()
        sprung.set()

    for member in members:
        for proxy in (member.postgres, member.redis):
            trap = Trap(text, moment, act, lambda member=member: spring(member), parameter)  # type: ignore[misc]  # bound
            set_traps.append((proxy, proxy.set_trap(trap)))
    try:
        yield sprung
    finally:
        for proxy, trap in set_traps:
            proxy.remove_trap(trap)


async def assert_video_is_whole(calling: Caller, job: job_pb2.Job, folder: Path) -> None:
    """The video of a completed job can be fetched and is what its record says; of other attempts nothing is left."""
    path = await calling.client.download(job.job_id, folder / "video.mp4")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == job.video.sha256
    attempts = {file.parent for file in calling.cluster.objects.rglob("*.mp4") if job.job_id in str(file)}
    assert len(attempts) == 1


@pytest.mark.parametrize("moment", BOTH)
@pytest.mark.parametrize(
    "step", [statements.CLAIM, statements.REPORT, statements.COMPLETE, statements.PUBLISH, statements.ACKNOWLEDGE]
)
async def test_a_job_whose_worker_is_killed_at_any_step_completes_once(
    calling: Caller, step: bytes, moment: Moment
) -> None:
    with trapped(calling.cluster.workers, step, moment, kill=True) as sprung:
        job = await calling.start()
        async with asyncio.timeout(90):
            await sprung.wait()
        ended = await calling.end_of(job.job_id)
    assert ended.status == job_pb2.JOB_STATUS_COMPLETED
    history = await calling.rows()
    assert not [*fenced(history), *one_end(history)]


@pytest.mark.parametrize("moment", BOTH)
@pytest.mark.parametrize("step", [statements.START, statements.TAKE_OUTBOX, statements.ENQUEUE])
async def test_a_job_whose_server_is_killed_at_any_step_of_starting_it_is_made_once_and_completes(
    calling: Caller, step: bytes, moment: Moment
) -> None:
    members = calling.cluster.servers if step is statements.START else calling.cluster.members
    before = len((await calling.rows()).jobs)
    with trapped(members, step, moment, kill=True) as sprung:
        starting = asyncio.create_task(calling.start())
        async with asyncio.timeout(90):
            await sprung.wait()
        job = await starting
        ended = await calling.end_of(job.job_id)
    assert ended.status == job_pb2.JOB_STATUS_COMPLETED
    assert len((await calling.rows()).jobs) == before + 1


@pytest.mark.parametrize("moment", BOTH)
@pytest.mark.parametrize("step", [statements.REPORT, statements.COMPLETE])
async def test_a_video_whose_worker_is_killed_around_its_upload_is_whole_and_the_only_one(
    calling: Caller, step: bytes, moment: Moment, tmp_path: Path
) -> None:
    parameter = b"UPLOADING" if step is statements.REPORT else b""
    with trapped(calling.cluster.workers, step, moment, kill=True, parameter=parameter) as sprung:
        job = await calling.start("local")
        async with asyncio.timeout(120):
            await sprung.wait()
        ended = await calling.end_of(job.job_id)
    assert ended.status == job_pb2.JOB_STATUS_COMPLETED
    await assert_video_is_whole(calling, ended, tmp_path)


async def test_a_video_whose_worker_never_learns_that_it_was_recorded_is_kept(calling: Caller, tmp_path: Path) -> None:
    with trapped(calling.cluster.workers, statements.COMPLETE, Moment.AFTER, kill=False) as sprung:
        job = await calling.start("local")
        async with asyncio.timeout(120):
            await sprung.wait()
        ended = await calling.end_of(job.job_id)
    assert (ended.status, ended.attempt) == (job_pb2.JOB_STATUS_COMPLETED, 1)
    # The worker asks again, and learns that its lease is gone: that must not make it clean up.
    await asyncio.sleep(2)
    await assert_video_is_whole(calling, ended, tmp_path)


async def test_an_answer_that_got_lost_is_given_again_to_the_same_request(calling: Caller) -> None:
    request_id = "3c0c1f0e-51a5-4f1c-9b7a-0d9be8a4c001"
    with trapped(calling.cluster.servers, statements.START, Moment.AFTER, kill=False) as sprung:
        first = await calling.start(request_id=request_id)
        assert sprung.is_set()
    again = await calling.start(request_id=request_id)
    assert first.job_id == again.job_id
