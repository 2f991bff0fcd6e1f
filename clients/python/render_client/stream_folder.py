"""The files of a stream in a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from render_client.download import ProgressCallback
from render_client.errors import JobFailedError, PreconditionError
from render_client.messages import has_ended, is_completed
from render_client.v1 import job_pb2


class StreamFolder:
    """Where the files of a job's stream go.

    Args:
        job: The job.
        folder: The folder.
        on_progress: Called with the received bytes and the size of all files.

    Raises:
        JobFailedError: If the job is FAILED or CANCELLED.
        PreconditionError: If it has no stream.
    """

    def __init__(self, job: job_pb2.Job, folder: Path, on_progress: ProgressCallback | None) -> None:
        if has_ended(job) and not is_completed(job):
            raise JobFailedError(job)
        videos = [job.video, *(named.video for named in job.outputs)]
        self._files = {file.name: file for video in videos for file in video.stream_files}
        if not self._files:
            raise PreconditionError(f"the job {job.job_id} has no stream; ask for one with output.streaming")
        self._folder = folder
        self._on_progress = on_progress
        self._total = sum(file.size_bytes for file in self._files.values())
        self._before = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(self._files)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where they go."""
        return tuple(map(self.path, self._files))

    def make(self) -> None:
        """Make the folder, if it does not exist."""
        self._folder.mkdir(exist_ok=True)

    def path(self, name: str) -> Path:
        """Return where a file goes."""
        if name != Path(name).name or name in ("", ".", ".."):
            raise ValueError(f"{name!r} is no name of a file")
        return self._folder / name

    def has(self, name: str) -> bool:
        """Return whether a file is there already."""
        path, file = self.path(name), self._files[name]
        if not path.is_file() or path.stat().st_size != file.size_bytes:
            return False
        with path.open("rb") as content:
            hashed = hashlib.sha256()
            while block := content.read(1 << 20):
                hashed.update(block)
        return hashed.hexdigest() == file.sha256

    def note(self, received: int, _: int) -> None:
        """Report the bytes received of the current file."""
        if self._on_progress:
            self._on_progress(self._before + received, self._total)

    def finish(self, name: str) -> None:
        """Report that a file is there."""
        self._before += self._files[name].size_bytes
        self.note(0, 0)
