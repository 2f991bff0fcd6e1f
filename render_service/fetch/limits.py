"""How much the jobs of a workspace may fetch and hold on a worker, and the account of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from render_service.fetch.errors import FetchError, FetchErrorKind
from render_service.fetch.shares import Shares

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits of what is fetched for a job, and for all jobs of a workspace in this process.

    Attributes:
        job_bytes: Bytes of all files of a job together.
        job_time: Time spent on all fetches of a job together; fetches that run at once each count.
        workspace_bytes: Bytes of fetched files that all running jobs of a workspace hold on scratch disk.
        workspace_fetches: Fetches of a workspace that run at once; more wait.
    """

    job_bytes: int = 4 * GIB
    job_time: timedelta = timedelta(minutes=30)
    workspace_bytes: int = 16 * GIB
    workspace_fetches: int = 16


class FetchAccounts:
    """The accounts of all workspaces in this process.

    Args:
        limits: What each may use.
    """

    def __init__(self, limits: FetchLimits) -> None:
        self.limits = limits
        self.shares = Shares(limits.workspace_fetches)
        self._held: Counter[str] = Counter()

    def held(self, workspace_id: str) -> int:
        """Return how many bytes the running jobs of a workspace hold."""
        return self._held[workspace_id]

    @contextmanager
    def open(self, workspace_id: str) -> Iterator["FetchAccount"]:
        """Yield the account of one job; what it holds is given back at the end, when its files are removed."""
        account = FetchAccount(workspace_id, self.limits, self._held)
        try:
            yield account
        finally:
            account.close()


class FetchAccount:
    """What one job has fetched.

    Args:
        workspace_id: The job's workspace.
        limits: What it may use.
        held: Bytes that each workspace holds in this process.
    """

    def __init__(self, workspace_id: str, limits: FetchLimits, held: Counter[str]) -> None:
        self.workspace_id = workspace_id
        self._limits = limits
        self._held_by_workspace = held
        self._held = 0
        self._fetched = 0
        self._seconds = 0.0

    def take(self, size: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            FetchError: TOO_LARGE where the job's files are too large together; BUSY where the workspace's jobs on this
                worker hold too much together.
        """
        if self._fetched + size > self._limits.job_bytes:
            raise FetchError(
                FetchErrorKind.TOO_LARGE,
                f"the files of the job are larger than the {self._limits.job_bytes:,} bytes allowed together",
            )
        if self._held_by_workspace[self.workspace_id] + size > self._limits.workspace_bytes:
            raise FetchError(
                FetchErrorKind.BUSY,
                f"the workspace's jobs on this worker may hold {self._limits.workspace_bytes:,} bytes together; "
                "try again when one of them has ended",
                retryable=True,
            )
        self._fetched += size
        self._held += size
        self._held_by_workspace[self.workspace_id] += size

    def give_back(self, size: int) -> None:
        """Count bytes that are no longer on disk."""
        self._held -= size
        self._held_by_workspace[self.workspace_id] -= size
        if not self._held_by_workspace[self.workspace_id]:
            del self._held_by_workspace[self.workspace_id]

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time of a fetch.

        Raises:
            FetchError: TIMED_OUT where the job has no time left.
        """
        if self._seconds >= self._limits.job_time.total_seconds():
            raise FetchError(
                FetchErrorKind.TIMED_OUT,
                f"the files of the job took longer than {self._limits.job_time.total_seconds():g} s together",
            )
        started = monotonic()
        try:
            yield
        finally:
            self._seconds += monotonic() - started

    def close(self) -> None:
        """Give back all that the job holds."""
        self.give_back(self._held)
