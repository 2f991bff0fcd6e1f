"""Callers' files are decoded in processes that can do little harm, and what they exceed is blamed on the right one."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from render_service.compositor.inspected_file import Use
from render_service.compositor.media.assets import Asset, image_asset
from render_service.compositor.processes.limits import PROBING, PROBING_PICTURE, RENDERING, TaskLimits
from render_service.compositor.processes.pool import ProcessPool, TaskOptions
from render_service.compositor.tasks import inspect_file
from render_service.confinement.landlock import landlock_version
from render_service.confinement.system_calls import can_filter
from render_service.domain.errors import ErrorReason, RenderFailure
from tests.integration.compositor import tasks
from tests.unit.compositor.lotties.lotties import moving, written

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "RUNWAYML_API_KEY"
LITTLE = TaskLimits(memory=512 << 20, cpu_seconds=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the worker, which its processes may change."""
    return tmp_path_factory.mktemp("worker")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(folder: Path) -> AsyncIterator[ProcessPool]:
    """A pool of one process, whose parent has a secret in its environment."""
    os.environ[SECRET] = "key-of-the-provider"
    made = ProcessPool(1, ("tests.integration.compositor.tasks",), folder)
    await made.start()
    yield made
    await made.close()
    del os.environ[SECRET]


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    return image_asset("shot-1", tmp_path / "bomb.webp")


async def test_a_process_sees_no_secrets(pool: ProcessPool) -> None:
    environment = await pool.share().run(tasks.environment)
    assert SECRET not in environment
    assert "key-of-the-provider" not in environment.values()
    assert not {name for name in environment if name.startswith(("RENDER_", "AWS_", "S3_", "DATABASE", "REDIS"))}


async def test_a_process_computes_as_machines_without_avx512_do(pool: ProcessPool) -> None:
    assert not await pool.share().run(tasks.numpy_uses_avx512)


# The versions of Landlock that deny what the filter of system calls does not.
_LANDLOCK = {"environment": 1, "memory": 1, "read": 1, "read beside the code": 1, "write": 1, "make": 1, "remove": 1}


async def test_a_process_cannot_reach_beyond_itself(pool: ProcessPool, tmp_path: Path) -> None:
    outside = tmp_path / "settings.env"
    outside.write_text(SECRET)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    ends = await pool.share().run(tasks.errors_of_escapes, os.getpid(), port, outside)
    server.close()
    escaped = {escape for escape, end in ends.items() if end not in ("EACCES", "EPERM")}
    enforced = {escape for escape in ends if can_filter() or escape in _LANDLOCK}
    enforced -= {escape for escape, version in _LANDLOCK.items() if version > landlock_version()}
    assert not escaped & enforced


async def test_a_process_can_do_what_rendering_takes(pool: ProcessPool, folder: Path) -> None:
    # The confinement is of the threads that exist when it begins, and of those that they start.
    assert await pool.share().run(tasks.start_a_thread) == 1
    assert await pool.share().run(tasks.write_and_move, folder / "render") == "picture"


async def test_a_process_is_limited_for_life(pool: ProcessPool) -> None:
    core, files, memory = await pool.share().run(tasks.limits)
    assert core == (0, 0)
    assert files == (512, 512)
    assert memory[1] == RENDERING.memory


async def test_a_file_that_takes_too_much_memory_is_refused_by_name(pool: ProcessPool, asset: Asset) -> None:
    with pytest.raises(RenderFailure, match=r"^shot-1\.image_uri: decoding it takes more than 512 MiB") as caught:
        await pool.share().run_with(TaskOptions(LITTLE, asset), tasks.fill_memory, 1024)
    assert caught.value.reason is ErrorReason.ASSET_INVALID
    assert caught.value.metadata == {"shot_id": "shot-1", "field": "image_uri", "fault": "too_expensive"}
    assert not caught.value.retryable
    # The next task has its own limits.
    assert await pool.share().run_with(TaskOptions(PROBING), tasks.fill_memory, 512) == 512 << 20


async def test_a_file_that_takes_too_long_is_refused_by_name(pool: ProcessPool, asset: Asset, folder: Path) -> None:
    for _ in range(2):  # what earlier tasks took does not count
        with pytest.raises(RenderFailure, match=r"^shot-1\.image_uri: decoding it takes more than 1 s") as caught:
            await pool.share().run_with(TaskOptions(LITTLE, asset), tasks.busy_for_ever, folder / "note")
        assert caught.value.reason is ErrorReason.ASSET_INVALID
        assert await pool.share().run(tasks.square, 3) == 9


async def test_what_a_library_refuses_is_the_fault_of_the_file(pool: ProcessPool, asset: Asset) -> None:
    with pytest.raises(RenderFailure, match=r"^shot-1\.image_uri: the file cannot be decoded") as caught:
        await pool.share().run_with(TaskOptions(PROBING, asset), tasks.fail_to_decode)
    assert not caught.value.retryable


async def test_work_that_crashes_every_time_is_no_fault_of_the_worker(pool: ProcessPool) -> None:
    with pytest.raises(
        RenderFailure, match=r"^composing crashed 3 times \(SIGSEGV\).*; make the output smaller"
    ) as caught:
        await pool.share().run(tasks.crash)
    failure = caught.value
    assert (failure.reason, failure.worker_fault, failure.retryable) == (ErrorReason.COMPOSE_FAILED, False, True)


async def test_a_file_that_crashes_its_decoder_is_refused_by_name(pool: ProcessPool, asset: Asset) -> None:
    with pytest.raises(RenderFailure, match=r"^shot-1\.image_uri: the file crashes its decoder") as caught:
        await pool.share().run_with(TaskOptions(PROBING, asset), tasks.crash)
    assert caught.value.reason is ErrorReason.ASSET_INVALID


async def test_a_process_that_is_killed_is_the_workers_fault(pool: ProcessPool, asset: Asset) -> None:
    with pytest.raises(RenderFailure) as caught:
        await pool.share().run_with(TaskOptions(PROBING, asset), tasks.die)
    assert (caught.value.reason, caught.value.worker_fault) == (ErrorReason.COMPOSE_FAILED, True)
    assert caught.value.retryable


async def test_a_full_scratch_disk_is_the_workers_fault(pool: ProcessPool, asset: Asset) -> None:
    with pytest.raises(RenderFailure, match="No space left on device") as caught:
        await pool.share().run_with(TaskOptions(PROBING, asset), tasks.library_without_space)
    assert caught.value.worker_fault


async def test_nothing_that_a_process_sends_is_unpickled(pool: ProcessPool, tmp_path: Path) -> None:
    note = tmp_path / "note"
    with pytest.raises(RenderFailure):
        await pool.share().run(tasks.answer_with_a_pickle, note)
    assert not note.exists()
    assert await pool.share().run(tasks.square, 3) == 9


async def test_a_result_of_another_type_is_refused(pool: ProcessPool) -> None:
    with pytest.raises(RenderFailure):
        await pool.share().run(tasks.return_another_type)


async def test_a_render_is_never_kept_waiting_by_one_whose_tasks_take_long(pool: ProcessPool, folder: Path) -> None:
    hog, victim = pool.share(), pool.share()
    long = [asyncio.create_task(hog.run(tasks.busy_for_ever, folder / f"busy-{number}")) for number in range(20)]
    while not list(folder.glob("busy-*")):
        await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        assert await asyncio.gather(*(victim.run(tasks.square, number) for number in range(5))) == [0, 1, 4, 9, 16]
    assert len(list(folder.glob("busy-*"))) == 1
    for task in long:
        task.cancel()
    await asyncio.gather(*long, return_exceptions=True)


async def test_the_parent_itself_is_not_limited() -> None:
    assert resource.getrlimit(resource.RLIMIT_DATA)[1] != RENDERING.memory


async def test_an_svg_is_drawn_in_a_confined_process(pool: ProcessPool, tmp_path: Path, folder: Path) -> None:
    path = folder / "logo.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"><text y="9">日本</text></svg>')
    found = await pool.share().run_with(TaskOptions(PROBING_PICTURE), inspect_file, image_asset("a", path), Use.IMAGE)
    assert found.size == (16, 9)


async def test_a_lottie_animation_is_drawn_in_a_confined_process(pool: ProcessPool, folder: Path) -> None:
    path = folder / "jump.json"
    path.write_bytes(written(moving()))
    asset = Asset(path, "layers[0].picture.uri", "a")
    found = await pool.share().run_with(TaskOptions(PROBING_PICTURE), inspect_file, asset, Use.LOTTIE)
    assert found.size == (100, 50)
