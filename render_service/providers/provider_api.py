"""The interface of a clip provider: a handful of calls, each one request to its API.

Nothing here waits, retries or keeps state: `generation.clips`, `generation.submission` and `generation.polling` do that
for all providers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

from render_service.domain.generation.clip_plan import ClipSpec
from render_service.domain.generation.provider_task import ExternalTask, TaskFault
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import ProviderName

Q_contra = TypeVar("Q_contra", contravariant=True)


class FaultKind(Enum):
    """What a failed call to a provider means for the next step."""

    REFUSED = auto()  # it rejects the request or the credentials; a retry fails too
    CONTENT = auto()  # its moderation rejects the prompt or the picture
    BUSY = auto()  # it accepts nothing now; no task was created
    UNREACHABLE = auto()  # the request did not reach it
    LOST = auto()  # the request was sent; its outcome is unknown
    GONE = auto()  # there is no such task


class ProviderFault(Exception):
    """A call to a provider failed.

    Args:
        kind: What it means.
        message: One sentence for people; holds no key and no internal text.
        code: The provider's error code, if any.
        retry_after: The delay that the provider requests.
    """

    def __init__(self, kind: FaultKind, message: str, *, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture that a clip starts from: the caller's URL, and the file fetched from it.

    Args:
        uri: The caller's URL.
        path: The file.
        media_type: Its IANA media type, by its first bytes.
        format: Its format's name for people, such as `HEIC`.
        size_bytes: Its size.
    """

    uri: str
    path: Path
    media_type: str
    format: str
    size_bytes: int

    @property
    def is_public(self) -> bool:
        """Whether a provider can fetch it directly."""
        return self.uri.startswith("https://")


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A clip to submit. `prepare` sets `picture_url`, from which the provider reads the picture."""

    spec: ClipSpec
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
    """A provider's report on a task.

    Args:
        phase: Where it is.
        fraction: Progress, 0–1, for providers that report it.
        message: A message for people beside the phase, such as a place in a queue; empty for nothing.
        outputs: URLs of the clip, if it SUCCEEDED.
        fault: Why it FAILED.
        cost: What was charged, if the provider reports it.
        metadata: Other details to record, JSON values.
        retry_after: The delay that the provider requests.
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
class PictureLimits:
    """Which pictures a provider takes.

    Args:
        media_types: IANA media types, and the names of their formats for people; empty for any.
        sent_bytes: The largest picture that can be sent to it, in bytes.
        fetched_bytes: The largest picture that it fetches from a public URL, in bytes; None for any.
    """

    media_types: Mapping[str, str] = field(default_factory=dict)
    sent_bytes: int = 10 * 1024 * 1024
    fetched_bytes: int | None = None

    def is_fetched(self, picture: Picture) -> bool:
        """Return whether the provider fetches a picture from the caller's URL; others are sent to it."""
        return picture.is_public and (self.fetched_bytes is None or picture.size_bytes <= self.fetched_bytes)

    def fault_of(self, picture: Picture) -> tuple[str, str] | None:
        """Return why the provider does not take a picture: the kind of fault, and the fault in words; or None."""
        if self.media_types and picture.media_type not in self.media_types:
            names = sorted(self.media_types.values())
            listed = f"{', '.join(names[:-1])} or {names[-1]}"
            return "wrong_type", f"does not take {picture.format}; convert the picture to {listed}"
        if not self.is_fetched(picture) and picture.size_bytes > self.sent_bytes:
            return "too_large", f"takes at most {self.sent_bytes:,} bytes; the picture has {picture.size_bytes:,}"
        return None


@dataclass(frozen=True, slots=True)
class Traits:
    """Limits and features of a provider's API.

    Args:
        concurrency: Most clips in progress at a time, over all jobs of all workers.
        poll_first: Delay from submission to the first poll.
        poll_most: Longest interval between polls.
        repeats_by_key: Whether submissions are idempotent by key.
        usual: Usual duration of a task, to estimate progress where the provider reports none.
        calls_back: Whether it sends a callback when a clip is done.
        pictures: Which pictures it takes.
        per_minute: Most submissions in a minute, over all jobs of all workers; None for any number.
    """

    concurrency: int
    poll_first: timedelta
    poll_most: timedelta
    repeats_by_key: bool = False
    usual: timedelta = timedelta(seconds=60)
    calls_back: bool = False
    pictures: PictureLimits = field(default_factory=PictureLimits)
    per_minute: int | None = None


class PaidTraits(Protocol):
    """Limits and features that matter when a request is submitted."""

    @property
    def concurrency(self) -> int:
        """Most requests in progress at a time, over all jobs of all workers."""
        ...

    @property
    def per_minute(self) -> int | None:
        """Most submissions in a minute, over all jobs of all workers; None for any number."""
        ...

    @property
    def repeats_by_key(self) -> bool:
        """Whether submissions are idempotent by key."""
        ...


class PaidService(Protocol):
    """What charges for its work."""

    @property
    def name(self) -> str:
        """The name of the provider; in the ledger and in metrics, too, where it makes clips."""
        ...

    @property
    def traits(self) -> PaidTraits:
        """Its limits and features."""
        ...


class PaidApi(PaidService, Protocol[Q_contra]):
    """What charges for a request of some kind."""

    async def submit(self, request: Q_contra, key: UUID) -> ExternalTask:
        """Submit a request: once, never retried here.

        Args:
            request: What to make.
            key: Idempotency key; providers that support one deduplicate submissions by it.

        Raises:
            ProviderFault: LOST if the request may have arrived; any other kind if it has not.
        """
        ...


class ProviderApi(Protocol):
    """A provider's API."""

    @property
    def name(self) -> ProviderName:
        """Which provider it is."""
        ...

    @property
    def traits(self) -> Traits:
        """Its limits and features."""
        ...

    async def prepare(self, request: ClipRequest) -> ClipRequest:
        """Make the picture available to the provider; free of charge and safe to repeat.

        Raises:
            ProviderFault: the picture cannot be made available.
        """
        ...

    async def submit(self, request: ClipRequest, key: UUID) -> ExternalTask:
        """Submit a clip: one request, never retried here.

        Args:
            request: As `prepare` returned it.
            key: Idempotency key; providers that support one deduplicate submissions by it.

        Raises:
            ProviderFault: LOST if the request may have arrived; any other kind if it has not.
        """
        ...

    async def poll(self, task: ExternalTask) -> TaskReport:
        """Poll a task.

        Raises:
            ProviderFault: the poll failed.
        """
        ...

    async def cancel(self, task: ExternalTask) -> None:
        """Cancel a task; does nothing if it has ended or is no longer known.

        Raises:
            ProviderFault: the request to cancel failed.
        """
        ...
