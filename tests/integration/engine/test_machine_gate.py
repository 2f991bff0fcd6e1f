"""A worker whose machine fails takes no jobs until it can run them again, and no job is charged for it."""

import asyncio
import errno
from pathlib import Path

import pytest

from render_service.compositor import compositor as compositor_module
from render_service.compositor.compositor import Compositor
from render_service.db.database import Database
from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import Job, JobStatus
from render_service.engine.machine_gate import MachineGate
from render_service.providers.generator import Generation, ReportProgress
from render_service.providers.mock import MockProvider
from render_service.worker.job_poller import JobPoller
from tests.integration.engine.failing_self_tests import killed, without_space
from tests.integration.engine.harness import Engine, Scripted, engine_with
from tests.records import start_job

FULL = OSError(errno.ENOSPC, "No space left on device")
DIED = RenderFailure(ErrorReason.COMPOSE_FAILED, "the worker process died repeatedly", worker_fault=True)


class Machine:
    """A machine on which attempts and self-tests fail until it heals; counts them."""

    def __init__(self, fault: Exception) -> None:
        self.fault: Exception | None = fault
        self.attempts = 0
        self.tests = 0
        self.gate = MachineGate(self.test, first_delay_seconds=0.001, longest_delay_seconds=0.01)

    async def test(self) -> None:
        self.tests += 1
        if self.fault is not None:
            raise OSError("the machine fails")

    async def attempt(self, work: Generation, report: ReportProgress) -> None:
        self.attempts += 1
        if self.fault is not None:
            raise self.fault

    async def until_tested(self, times: int) -> None:
        enough = self.tests + times
        async with asyncio.timeout(30):
            while self.tests < enough:
                await asyncio.sleep(0.005)


async def until_completed(engine: Engine, jobs: list[Job], *pollers: JobPoller) -> None:
    async with asyncio.timeout(60):
        for job in jobs:
            while (await engine.job(job)).status is not JobStatus.COMPLETED:
                for poller in pollers:
                    await poller.poll()
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", [FULL, DIED, ValueError("seen by the self-test alone")], ids=repr)
async def test_a_failing_machine_costs_each_job_no_attempt_and_the_worker_takes_no_more(
    database: Database, tmp_path: Path, fault: Exception
) -> None:
    machine = Machine(fault)
    async with engine_with(database, tmp_path, Scripted(machine.attempt), slots=1, gate=machine.gate) as engine:
        jobs = [await start_job(database) for _ in range(6)]
        poller = JobPoller(engine.runner)
        await poller.poll()
        await machine.until_tested(5)
        assert not engine.runner.has_free_slot
        await poller.poll()
        assert machine.attempts == 1, "a job was taken by a machine that fails"
        machine.fault = None
        await until_completed(engine, jobs, poller)
        assert machine.attempts == 7
        assert {(await engine.job(job)).attempt for job in jobs} == {1, 2}


async def test_another_worker_runs_the_jobs_of_one_whose_machine_fails(database: Database, tmp_path: Path) -> None:
    machine = Machine(FULL)
    for folder in ("failing", "healthy"):
        (tmp_path / folder).mkdir()
    async with (
        engine_with(database, tmp_path / "failing", Scripted(machine.attempt), gate=machine.gate) as failing,
        engine_with(database, tmp_path / "healthy", MockProvider(0)) as healthy,
    ):
        jobs = [await start_job(database) for _ in range(6)]
        await JobPoller(failing.runner).poll()
        await machine.until_tested(3)
        held = asyncio.create_task(failing.runner.run_next())  # a message that the failing worker received
        await until_completed(healthy, jobs, JobPoller(failing.runner), JobPoller(healthy.runner))
        assert not failing.runner.gate.is_open
        machine.fault = None
        async with asyncio.timeout(30):
            assert await held is False


async def test_the_self_test_distinguishes_machines_that_can_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compositor = Compositor(processes=1)
    try:
        await compositor.test_machine(tmp_path)
        assert list(tmp_path.iterdir()) == []
        gone = tmp_path / "gone"
        with pytest.raises(RenderFailure):
            await compositor.test_machine(gone)
        for fault in (killed, without_space):
            with monkeypatch.context() as patch:
                patch.setattr(compositor_module, "write_and_read", fault)
                with pytest.raises(RenderFailure) as failure:
                    await compositor.test_machine(tmp_path)
            assert failure.value.worker_fault
        gone.mkdir()
        await compositor.test_machine(gone)
    finally:
        await compositor.close()
