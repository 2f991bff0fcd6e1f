"""What a provider that makes clips is to the rest: a handful of calls, each one request to its API.

Nothing here waits, repeats or remembers: that is done once, for all providers, in `clip_maker`, `ordering` and
`following`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from render_service.domain.generation.clip_plan import ClipOrder
from render_service.domain.generation.provider_task import ExternalTask, TaskFault
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName


class FaultKind(Enum):
    """What a failed call to a provider means for what comes next."""

    REFUSED = auto()  # it does not want this order, or us; the same again is refused again
    CONTENT = auto()  # its moderation refuses words or picture
    BUSY = auto()  # it takes nothing now; surely nothing was begun
    UNREACHABLE = auto()  # nothing reached it
    LOST = auto()  # it was sent, and what became of it is not known
    GONE = auto()  # it knows no such task


class ProviderFault(Exception):
    """A call to a provider failed.

    Args:
        kind: What it means.
        message: One sentence for people; holds no key and no internal text.
        code: The provider's own word for it, if any.
        retry_after: How long it asks to be left alone.
    """

    def __init__(self, kind: FaultKind, message: str, *, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture that a clip starts from: the caller's address, and the file that was fetched from it."""

    uri: str
    path: Path
    media_type: str

    @property
    def is_public(self) -> bool:
        """Whether a provider can fetch it by itself."""
        return self.uri.startswith("https://")


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A clip to be ordered. `picture_url` is where the provider finds the picture, once `prepare` has seen to it."""

    order: ClipOrder
    picture: Picture | None = None
    picture_url: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


class Phase(StrEnum):
    """Where a task is at its provider."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What a provider tells of a task.

    Args:
        phase: Where it is.
        fraction: How much is done, 0–1, for providers that say so.
        message: What to tell people beside the phase, such as a place in a queue; empty for nothing.
        outputs: Addresses of the clip, if it SUCCEEDED.
        fault: Why it FAILED.
        cost: What was charged, if the provider says so.
        metadata: What else is worth keeping, JSON values.
        retry_after: How long the provider asks to be left alone.
    """

    phase: Phase
    fraction: float | None = None
    message: str = ""
    outputs: tuple[str, ...] = ()
    fault: TaskFault | None = None
    cost: Cost | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """How a provider wants to be dealt with.

    Args:
        concurrency: How many clips it makes at a time, over all jobs of all workers.
        poll_first: Time from the order to the first look at the task.
        poll_most: Longest time between two looks.
        repeats_by_key: Whether an order sent again under the same key is the same order.
        usual: How long a clip usually takes, to guess the progress where it tells none.
        calls_back: Whether it was asked to call back when a clip is done.
    """

    concurrency: int
    poll_first: timedelta
    poll_most: timedelta
    repeats_by_key: bool = False
    usual: timedelta = timedelta(seconds=60)
    calls_back: bool = False


class ProviderApi(Protocol):
    """A provider's API."""

    @property
    def name(self) -> ProviderName:
        """Which provider it is."""
        ...

    @property
    def traits(self) -> Traits:
        """How it wants to be dealt with."""
        ...

    async def prepare(self, request: ClipRequest) -> ClipRequest:
        """See to it that the provider can get at the picture; costs nothing and may be repeated.

        Raises:
            ProviderFault: it cannot.
        """
        ...

    async def submit(self, request: ClipRequest, key: UUID) -> ExternalTask:
        """Order a clip: one request, never repeated here.

        Args:
            request: As `prepare` returned it.
            key: The order's own; providers that know such keys take a second order under it for the first.

        Raises:
            ProviderFault: LOST where it may have arrived; any other kind where it surely has not.
        """
        ...

    async def poll(self, task: ExternalTask) -> TaskReport:
        """Look at a task.

        Raises:
            ProviderFault: it could not be looked at.
        """
        ...

    async def cancel(self, task: ExternalTask) -> None:
        """Stop a task; one that has ended, or is not known any more, is no fault.

        Raises:
            ProviderFault: the provider could not be told.
        """
        ...
