"""Methods of the client for the files of jobs."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import grpc

from render_client.aio.connection import AsyncConnection
from render_client.aio.primitives import run_blocking
from render_client.download import PartialFile, ProgressCallback
from render_client.durations import Seconds, as_optional_seconds
from render_client.errors import ClientClosedError, JobFailedError, PreconditionError, RenderError
from render_client.messages import ArtifactName, has_ended, is_completed
from render_client.retry import Countdown
from render_client.stream_folder import StreamFolder
from render_client.v1 import render_service_pb2


class AsyncDownloadMethods(AsyncConnection):
    """Methods of the client for the files of jobs."""

    async def download(
        self,
        job_id: str,
        path: str | PathLike[str],
        *,
        artifact: ArtifactName = "video",
        output: str = "",
        stream_file: str = "",
        on_progress: ProgressCallback | None = None,
        timeout: Seconds | None = None,
    ) -> Path:
        """Download a file of a COMPLETED job, resuming an interrupted download, and verify its checksum.

        Data is written to `{path}.{job_id}.part`. That file is kept after a failure, and the next call resumes from it.

        Args:
            job_id: UUID of the job.
            path: Destination; its folder must exist. An existing file is replaced once the new one is complete.
            artifact: Its name, such as `video`, `poster`, `captions_srt`, `words` or `narration`.
            output: Name of the output that it belongs to, of a job with several; empty for the first.
            stream_file: Name of a file of the job's stream (`Video.stream_files`) to download instead of an artifact.
            on_progress: Called after every chunk with received and total bytes; by `AsyncRenderClient` in a thread.
            timeout: Seconds, or a `timedelta`, for the whole download; None means no limit.

        Returns:
            The path.

        Raises:
            JobFailedError: If the job is FAILED or CANCELLED; the message says why.
            DownloadError: If the received data does not match the size or checksum that the service announced.
            OSError: If the file cannot be written.
        """
        attempts = self._stream_attempts(timeout)
        file = PartialFile(
            self._requests, job_id, Path(path), artifact, on_progress, of=output, stream_file=stream_file
        )
        await run_blocking(file.open)
        try:
            while True:
                self._check_open()
                call = self._render.DownloadVideo(
                    file.request(), timeout=attempts.remaining(), metadata=self.config.metadata()
                )
                try:
                    with self._closed.ending(ClientClosedError("the client was closed")):
                        async for piece in call:
                            await run_blocking(file.accept, piece)
                            self._reached = True
                            attempts.progressed()
                    await run_blocking(file.finish)
                except grpc.RpcError as error:
                    ending = file.broken(self._translated(error))
                except RenderError as error:
                    ending = error
                else:
                    return Path(path)
                finally:
                    call.cancel()
                await self._raise_if_failed(job_id, ending)
                await self._pause(attempts.delay_after(ending))
        finally:
            file.close()

    async def download_stream(
        self,
        job_id: str,
        folder: str | PathLike[str],
        *,
        on_progress: ProgressCallback | None = None,
        timeout: Seconds | None = None,
    ) -> tuple[Path, ...]:
        """Download all files of the HLS or DASH stream of a COMPLETED job into a folder, from which it plays.

        Files that are there already in the same size and with the same checksum are kept.

        Args:
            job_id: UUID of the job.
            folder: Destination; made if it does not exist, in a folder that does.
            on_progress: Called after every chunk with the received bytes and the size of the stream's files together.
            timeout: Seconds, or a `timedelta`, for the whole download; None means no limit.

        Returns:
            The paths of the files.

        Raises:
            JobFailedError: If the job is FAILED or CANCELLED; the message says why.
            PreconditionError: If the job has no stream.
            DownloadError: As `download`.
            OSError: If a file cannot be written.
        """
        limit = Countdown(as_optional_seconds(timeout))
        job = (await self._call(self._render.GetJob, self._requests.get(job_id))).job
        files = StreamFolder(job, Path(folder), on_progress)
        await run_blocking(files.make)
        for name in files.names:
            if not await run_blocking(files.has, name):
                await self.download(
                    job_id, files.path(name), stream_file=name, on_progress=files.note, timeout=limit.remaining()
                )
            files.finish(name)
        return files.paths

    async def create_download_url(
        self, job_id: str, *, artifact: ArtifactName = "video", output: str = ""
    ) -> render_service_pb2.CreateDownloadUrlResponse:
        """Create a pre-signed URL of a file of a COMPLETED job, valid until its expire_time.

        Raises:
            JobFailedError: If the job is FAILED or CANCELLED; the message says why.
        """
        try:
            return await self._call(
                self._render.CreateDownloadUrl, self._requests.download_url(job_id, artifact, output)
            )
        except PreconditionError as error:
            await self._raise_if_failed(job_id, error)
            raise

    async def _raise_if_failed(self, job_id: str, error: RenderError) -> None:
        """Raise `JobFailedError` if an error says that a job has no file because the job has failed."""
        if isinstance(error, PreconditionError):
            job = (await self._call(self._render.GetJob, self._requests.get(job_id))).job
            if has_ended(job) and not is_completed(job):
                raise JobFailedError(job) from error
