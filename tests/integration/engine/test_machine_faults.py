"""What a machine lacks is no fault of the job that it worked on."""

import errno
from pathlib import Path

import pytest

from render_service.db.database import Database
from render_service.domain.jobs.job import JobStatus
from render_service.domain.machine_faults import is_machine_fault
from tests.integration.engine.harness import AT_ONCE, engine_with, failing
from tests.records import start_job

FAULTS = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EMFILE, "Too many open files"),
    OSError(errno.EROFS, "Read-only file system"),
    MemoryError(),
    ExceptionGroup("several", [OSError(errno.ENOSPC, "No space left on device"), MemoryError()]),
]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_a_fault_of_the_machine_costs_a_job_none_of_its_attempts(
    database: Database, tmp_path: Path, fault: Exception
) -> None:
    async with engine_with(database, tmp_path, failing(fault)) as engine:
        job = await start_job(database)
        for _ in range(AT_ONCE.max_attempts + 2):
            assert await engine.runner.run_next()
        assert (await engine.job(job)).status is JobStatus.PENDING


@pytest.mark.parametrize(
    "fault", [ValueError(), OSError(errno.ENOENT, ""), ExceptionGroup("mixed", [MemoryError(), ValueError()])], ids=repr
)
def test_other_faults_count(fault: Exception) -> None:
    assert not is_machine_fault(fault)


def test_the_cause_of_an_exception_decides() -> None:
    fault = RuntimeError("could not store the clip")
    fault.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_machine_fault(fault)
