"""The tasks of the jobs that callers watch. A job's task and workspace never change, so each job is read once."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from uuid import UUID

from render_service.domain.jobs.job import Job

_MAX_JOBS = 1_000


class WatchedJobs:
    """Caches the tasks of the jobs that were watched last.

    A cached job may have been deleted since: only the watch's own first read knows.

    Args:
        read_job: Returns a job of a workspace.
    """

    def __init__(self, read_job: Callable[[str, UUID], Awaitable[Job]]) -> None:
        self._read_job = read_job
        self._tasks: OrderedDict[tuple[str, UUID], UUID] = OrderedDict()

    async def task_of(self, workspace_id: str, job_id: UUID) -> UUID:
        """Return the task of a job.

        Raises:
            DomainError: JOB_NOT_FOUND: there is no such job in this workspace; STORE_UNAVAILABLE.
        """
        key = workspace_id, job_id
        task_id = self._tasks.get(key)
        if task_id is None:
            task_id = self._tasks[key] = (await self._read_job(workspace_id, job_id)).task_id
            while len(self._tasks) > _MAX_JOBS:
                self._tasks.popitem(last=False)
        return task_id
