"""What a provider is to the engine."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from render_service.domain.jobs.job import Lease, RawResults, RenderSpec

ReportProgress = Callable[[float, str], Awaitable[None]]
"""Tells how much of a provider's own work is done, 0–1, and in words what happens."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What a provider is to work on.

    Args:
        lease: The right to change the job.
        spec: What is rendered.
        folder: Scratch space that is removed after the attempt.
        pictures: The fetched pictures of shots that have one, by shot id.
    """

    lease: Lease
    spec: RenderSpec
    folder: Path
    pictures: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generated:
    """What a provider made: local clips by shot id, its own answer, and the object keys of the clips."""

    clips: Mapping[str, Path] = field(default_factory=dict)
    raw_results: RawResults | None = None
    object_keys: tuple[str, ...] = ()


class Generator(Protocol):
    """Makes pictures for a project."""

    @property
    def makes_whole_videos(self) -> bool:
        """Whether its answer already holds the finished video, so that there is nothing to compose."""
        ...

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Make what the project needs; cancelled like any coroutine.

        Args:
            work: The project, and where to put files.
            report: To be called whenever something is done.

        Raises:
            RenderFailure: it cannot be made.
        """
        ...
