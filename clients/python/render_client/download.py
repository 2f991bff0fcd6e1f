"""Downloads a file in chunks next to its destination, resumes it, and moves it into place once it is verified."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import grpc

from render_client.errors import DownloadError, OutOfRangeError, RenderError, UnavailableError
from render_client.messages import ArtifactName, Requests
from render_client.v1 import render_service_pb2

_DATA_LOSS, _UNAVAILABLE = grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNAVAILABLE

ProgressCallback = Callable[[int, int], None]


def check_destination(path: str | PathLike[str]) -> None:
    """Check that a file can be downloaded to a path.

    Raises:
        FileNotFoundError: If its folder does not exist.
    """
    if not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(f"{path}: its folder does not exist")


class PartialFile:
    """A download in progress: `{path}.{job_id}.part` until it is complete.

    The name contains the job's id, so that a partial download of another job is never resumed.

    Args:
        requests: Builder of requests.
        job_id: UUID of the job.
        path: Destination; an existing file is replaced only once the new one is complete.
        artifact: Which file of the job.
        on_progress: Called after every chunk with the bytes received and the size of the file in bytes.
        of: Which output of the job; empty for the first.
        stream_file: Which file of the job's stream, instead of an artifact.
    """

    def __init__(
        self,
        requests: Requests,
        job_id: str,
        path: Path,
        artifact: ArtifactName,
        on_progress: ProgressCallback | None,
        *,
        of: str = "",
        stream_file: str = "",
    ) -> None:
        self._stream_file = stream_file
        self._requests = requests
        self._job_id = job_id
        self._path = path
        self._part = path.with_name(f"{path.name}.{job_id}{of and f'-{of}'}.part")
        self._artifact: ArtifactName = artifact
        self._on_progress = on_progress
        self._of = of
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._received = 0
        self._left_by_another = False
        self._size: int | None = None
        self._sha256 = ""

    def open(self) -> None:
        """Open the partial file, or create it.

        Raises:
            OSError: If the file cannot be written.
        """
        self._file = self._part.open("a+b")
        self._file.seek(0)
        while block := self._file.read(1 << 20):
            self._hash.update(block)
            self._received += len(block)
        self._left_by_another = self._received > 0

    def close(self) -> None:
        """Close the file; the received data is kept for the next attempt."""
        self._open_file().close()
        if not self._received:
            self._part.unlink(missing_ok=True)

    def request(self) -> render_service_pb2.DownloadVideoRequest:
        """Build the request that resumes after the received bytes."""
        return self._requests.download(self._job_id, self._artifact, self._received, self._of, self._stream_file)

    def accept(self, piece: render_service_pb2.DownloadVideoResponse) -> None:
        """Write one chunk.

        Args:
            piece: The chunk as the service sent it.

        Raises:
            UnavailableError: If the chunk belongs to another file than those before; retry from the start.
            DownloadError: If the chunk does not follow the received bytes.
            OSError: If the file cannot be written.
        """
        if piece.size_bytes or piece.sha256:
            if self._size is not None and (piece.size_bytes, piece.sha256) != (self._size, self._sha256):
                self._restart()
                raise UnavailableError("the file changed while it was downloaded", code=_UNAVAILABLE)
            self._size, self._sha256 = piece.size_bytes, piece.sha256
        if piece.offset != self._received:
            raise DownloadError(
                f"received a chunk at offset {piece.offset} instead of {self._received}", code=_DATA_LOSS
            )
        if self._size is None:
            raise DownloadError("the first chunk has no file size", code=_DATA_LOSS)
        file = self._open_file()
        file.write(piece.data)
        self._hash.update(piece.data)
        self._received += len(piece.data)
        if self._on_progress:
            self._on_progress(self._received, self._size)

    def finish(self) -> None:
        """Move the file into place after the stream closed with OK.

        Raises:
            UnavailableError: If the stream ended early, or the partial file was corrupt; retry.
            DownloadError: If the size or checksum does not match.
        """
        if self._size is None or self._received < self._size:
            raise UnavailableError("the download ended early", code=_UNAVAILABLE)
        if self._received != self._size or self._sha256 not in ("", self._hash.hexdigest()):
            inherited = self._left_by_another
            self._restart()
            if inherited:
                raise UnavailableError("the partial file of an earlier download is corrupt", code=_UNAVAILABLE)
            raise DownloadError("the downloaded file does not match its checksum", code=_DATA_LOSS)
        self._open_file().close()
        self._part.replace(self._path)

    def broken(self, error: RenderError) -> RenderError:
        """Return the error to handle after a stream failed.

        Args:
            error: Error of the service or the connection.

        Returns:
            The given error; or, if the partial file is longer than the file, a retryable one, after discarding the
            partial file.
        """
        if isinstance(error, OutOfRangeError) and self._left_by_another:
            self._restart()
            return UnavailableError("the partial file of an earlier download is corrupt", code=_UNAVAILABLE)
        return error

    def _restart(self) -> None:
        self._open_file().truncate(0)
        self._hash = hashlib.sha256()
        self._received, self._size, self._sha256 = 0, None, ""
        self._left_by_another = False

    def _open_file(self) -> BinaryIO:
        assert self._file is not None, "the partial file is not open"
        return self._file
