"""The whole system as one command starts it: ready when it says so, its data kept, and nothing of it left behind."""

import asyncio
from pathlib import Path

import pytest

from render_service.embedded.ports import is_free
from render_service.embedded.process import ProcessFailed
from render_service.embedded.stack import Stack
from render_service.embedded.supervisor import descendants
from render_service.runtime.health_probe import is_serving
from tests.parent import Parent, left

# Starts a stack below argv[1], says so, and waits for ever.
PARENT = """
import asyncio, sys
from pathlib import Path
from render_service.embedded.stack import Stack

async def main():
    async with Stack(Path(sys.argv[1]), durable=False):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
QUIET = {"RENDER_AUTH": "off", "RENDER_MOCK_DELAY": "0", "RENDER_COMPOSE_PROCESSES": "1"}


async def test_a_started_stack_serves_notices_ends_and_leaves_nothing_once_stopped(tmp_path: Path) -> None:
    stack = Stack(tmp_path, environment=QUIET, durable=False)
    assert not Stack.is_in_use(tmp_path)
    async with stack:
        assert Stack.is_in_use(tmp_path)
        assert await is_serving(stack.target)

        stack.worker.kill()
        async with asyncio.timeout(60):
            assert "worker" in str(await stack.first_end())
        await stack.start_worker()
        assert stack.worker.running

        server, worker = stack.server, stack.worker
        started = [pid for process in (server, worker) for pid in (process.pid, *descendants(process.pid))]
    assert (server.returncode, worker.returncode) == (0, 0), "they did not end by themselves when they were asked"
    assert not Stack.is_in_use(tmp_path)
    assert not await left(started, within=0)
    assert is_free(int(stack.target.rpartition(":")[2]))
    assert is_free(stack.postgres.port)
    assert is_free(stack.valkey.port)


async def test_a_stack_starts_again_on_the_data_of_one_whose_parent_was_killed(tmp_path: Path) -> None:
    parent = Parent(PARENT, tmp_path)
    parent.kill()
    async with Stack(tmp_path, environment=QUIET, durable=False) as stack:
        assert await is_serving(stack.target)
    assert not await left(parent.family)


async def test_a_part_that_does_not_start_is_reported_with_its_own_message_and_leaves_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path, environment=QUIET | {"RENDER_WORKER_SLOTS": "none"}, durable=False)
    with pytest.raises(ProcessFailed, match="RENDER_WORKER_SLOTS"):
        await stack.start()
    assert is_free(stack.postgres.port)
