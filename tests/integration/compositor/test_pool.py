"""Worker processes: they are killed when their task is cancelled, replaced when they die, and gone when closed."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from render_service.compositor.processes.pool import ProcessPool, TaskOptions
from render_service.domain.errors import ErrorReason, RenderFailure
from tests.integration.compositor import tasks


@pytest.fixture
async def pool() -> AsyncIterator[ProcessPool]:
    """A pool of two processes."""
    made = ProcessPool(2)
    await made.start()
    yield made
    await made.close()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        # It was gone before the file was opened, or before it was read.
        return False


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


async def test_results_come_back(pool: ProcessPool) -> None:
    assert await asyncio.gather(*(pool.share().run(tasks.square, number) for number in range(8))) == [
        number * number for number in range(8)
    ]


async def test_what_a_task_prints_does_not_disturb_it(pool: ProcessPool) -> None:
    assert await pool.share().run(tasks.print_and_return, "hello") == "hello"


async def test_reports_arrive_in_order(pool: ProcessPool) -> None:
    reported: list[int] = []
    assert await pool.share().run_with(TaskOptions(), tasks.count_to, 5, on_report=reported.append) == 5
    assert reported == [1, 2, 3, 4, 5]


async def test_a_failure_keeps_its_reason(pool: ProcessPool) -> None:
    with pytest.raises(RenderFailure) as failure:
        await pool.share().run(tasks.fail_with_reason)
    assert failure.value.reason is ErrorReason.ASSET_INVALID
    assert failure.value.metadata == {"shot_id": "one"}


async def test_an_unforeseen_error_shows_nothing_but_its_kind(pool: ProcessPool) -> None:
    with pytest.raises(RenderFailure, match=r"^composing failed \(ZeroDivisionError\)$") as failure:
        await pool.share().run(tasks.divide_by_zero)
    assert failure.value.reason is ErrorReason.COMPOSE_FAILED


async def test_cancelling_a_task_kills_its_process_at_once(pool: ProcessPool, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    task = asyncio.create_task(pool.share().run(tasks.busy_for_ever, note))
    await _until(lambda: note.exists() and note.read_text())
    pid = int(note.read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pid not in pool.pids
    await _until(lambda: not _alive(pid))
    # The pool is whole again.
    assert await asyncio.gather(*(pool.share().run(tasks.square, number) for number in range(4))) == [0, 1, 4, 9]
    await _until(lambda: len(pool.pids) == 2)


async def test_a_task_whose_process_is_killed_runs_again_elsewhere(pool: ProcessPool, tmp_path: Path) -> None:
    assert await pool.share().run(tasks.die_the_first_time, tmp_path / "note") == "done"
    await _until(lambda: len(pool.pids) == 2)


async def test_a_task_that_always_takes_its_process_down_is_given_up(pool: ProcessPool) -> None:
    with pytest.raises(RenderFailure, match="died repeatedly"):
        await pool.share().run(tasks.die)
    assert await pool.share().run(tasks.square, 3) == 9


async def test_closing_ends_the_processes_and_fails_what_runs(tmp_path: Path) -> None:
    pool = ProcessPool(1)
    await pool.start()
    (pid,) = pool.pids
    note = tmp_path / "pid"
    task = asyncio.create_task(pool.share().run(tasks.busy_for_ever, note))
    await _until(note.exists)
    await pool.close()
    assert not _alive(pid)
    with pytest.raises(RenderFailure):
        await task


async def test_processes_do_not_outlive_their_parent(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", tasks.PARENT_PROGRAM, str(note)), stdin=asyncio.subprocess.DEVNULL
    )
    await _until(lambda: note.exists() and note.read_text().endswith("\n"))
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await _until(lambda: not any(_alive(pid) for pid in pids))
