"""The interface between the engine and a provider."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from render_service.domain.jobs.job import Lease, RawResults, RenderSpec

ReportProgress = Callable[[float, str], Awaitable[None]]
"""Reports a provider's progress, 0–1, and a message."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The input of a provider.

    Args:
        lease: The right to change the job.
        spec: What is rendered.
        folder: Scratch space that is removed after the attempt; not there for a provider that makes whole videos.
        pictures: The fetched pictures of shots that have one, by shot id.
    """

    lease: Lease
    spec: RenderSpec
    folder: Path
    pictures: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generated:
    """The output of a provider: local clips by shot id, its raw response, and the object keys of the clips."""

    clips: Mapping[str, Path] = field(default_factory=dict)
    raw_results: RawResults | None = None
    object_keys: tuple[str, ...] = ()


class Generator(Protocol):
    """Generates clips or a video for a project."""

    @property
    def makes_whole_videos(self) -> bool:
        """Whether it returns the finished video, so that nothing is composed."""
        ...

    async def generate(self, work: Generation, report: ReportProgress) -> Generated:
        """Generate what the project needs; can be cancelled.

        Args:
            work: The project, and a folder for files.
            report: Called on progress.

        Raises:
            RenderFailure: generation failed.
        """
        ...
