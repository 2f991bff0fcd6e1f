"""The gate closes at a fault of the machine, and opens once the self-test passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.engine.machine_gate import MachineGate
from render_service.telemetry.metrics.worker import WORKER


class Machine:
    """A machine that works or does not; counts its tests."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.tests = 0

    async def test(self) -> None:
        self.tests += 1
        if self.fault is not None:
            raise self.fault


@asynccontextmanager
async def gate_running(gate: MachineGate) -> AsyncIterator[None]:
    testing = asyncio.create_task(gate.run())
    yield
    assert not testing.done(), "a fault ended the gate"
    testing.cancel()
    await asyncio.wait((testing,))


async def until_open(gate: MachineGate) -> None:
    async with asyncio.timeout(30):
        while not gate.is_open:
            await asyncio.sleep(0.001)


def takes_jobs() -> float | None:
    return WORKER.get_sample_value("render_worker_takes_jobs")


async def test_the_first_fault_is_tested_for_at_once() -> None:
    machine = Machine()
    gate = MachineGate(machine.test, first_delay_seconds=3600, longest_delay_seconds=3600)
    async with gate_running(gate):
        assert gate.is_open
        assert takes_jobs() == 1
        gate.close()
        assert not gate.is_open
        assert takes_jobs() == 0
        await until_open(gate)
        assert takes_jobs() == 1
        assert machine.tests == 1
        gate.note_success()
        gate.close()
        await until_open(gate)


async def test_a_second_fault_without_a_completed_job_waits_before_its_test() -> None:
    machine = Machine()
    gate = MachineGate(machine.test, first_delay_seconds=3600, longest_delay_seconds=3600)
    async with gate_running(gate):
        gate.close()
        await until_open(gate)
        gate.close()
        for _ in range(100):
            await asyncio.sleep(0)
        assert not gate.is_open
        assert machine.tests == 1


@pytest.mark.parametrize(
    "fault",
    [OSError(28, "No space left on device"), TimeoutError(), RenderFailure(ErrorReason.COMPOSE_FAILED, "died")],
    ids=repr,
)
async def test_the_gate_stays_closed_while_tests_fail_and_then_opens(fault: Exception) -> None:
    machine = Machine()
    machine.fault = fault
    gate = MachineGate(machine.test, first_delay_seconds=0.001, longest_delay_seconds=0.002)
    async with gate_running(gate):
        gate.close()
        async with asyncio.timeout(30):
            while machine.tests < 5:
                assert not gate.is_open
                await asyncio.sleep(0.001)
        machine.fault = None
        await until_open(gate)


async def test_several_faults_of_one_moment_count_once() -> None:
    machine = Machine()
    gate = MachineGate(machine.test, first_delay_seconds=3600, longest_delay_seconds=3600)
    async with gate_running(gate):
        for _ in range(8):
            gate.close()
        await until_open(gate)
