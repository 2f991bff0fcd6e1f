"""Ports of the compositor: a store for segments, and a runner that renders them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from render_service.compositor.segments.job import SegmentJob


class SegmentStore(Protocol):
    """Where finished segments are kept, by key. What is stored under a key never changes."""

    async def get(self, key: str, path: Path) -> bool:
        """Write what is stored under a key to a file; return False where nothing is."""

    async def put(self, key: str, path: Path) -> None:
        """Store a file under a key; storing the same again does no harm."""


class SegmentRunner(Protocol):
    """Makes segments somewhere. Making the same one twice is harmless: both have the same bytes."""

    @property
    def width(self) -> int:
        """How many segments it can usefully be given at once."""

    @property
    def stores(self) -> bool:
        """Whether it also puts what it made into the store."""

    async def run(self, job: SegmentJob, workdir: Path, output: Path, report: Callable[[int], None]) -> None:
        """Make a segment; when the waiting task is cancelled, the making is stopped.

        Args:
            job: What to make; `job.spec` is all that is needed besides the assets, `job.key` its name.
            workdir: A folder of the render on this machine for what segments have in common.
            output: The file to write; it appears when it is whole.
            report: Receives the number of frames made since its last call.

        Raises:
            RenderFailure: The segment cannot be made.
        """

    async def run_renditions(
        self, jobs: Sequence[SegmentJob], workdir: Path, outputs: Sequence[Path], report: Callable[[int], None]
    ) -> None:
        """Make several segments that differ only in their renditions, as `run` makes one.

        Args:
            jobs: What to make; all have the same frames.
            workdir: As for `run`.
            outputs: The file to write for each.
            report: Receives the number of frames drawn since its last call.

        Raises:
            RenderFailure: As `run`.
        """
