"""The files of a finished job: names, URLs and content."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

from render_client.v1 import render_service_pb2 as pb

from render_service.domain.errors import DomainError, ErrorReason, FieldFault, InvalidFields
from render_service.domain.jobs.job import Artifact, Job, JobStatus, StoredFile
from render_service.server.services.streams import StreamSigner
from render_service.storage.errors import ObjectAbsent
from render_service.storage.presigning import PresignedUrl
from render_service.storage.store import ObjectStore

_PIECE_BYTES = 512 * 1024
_STREAMS = (Artifact.HLS, Artifact.DASH)


class Downloads:
    """Gives callers access to the files of their jobs.

    Args:
        store: Where the files are.
        valid_for: How long a pre-signed URL is valid.
    """

    def __init__(self, store: ObjectStore, *, valid_for: timedelta) -> None:
        self._store = store
        self._valid_for = valid_for
        self._streams = StreamSigner(store, valid_for=valid_for)

    async def video_urls(self, job: Job) -> tuple[str, ...]:
        """Return the URLs of a job's video: the stored one's, or else those of the provider."""
        if job.status is not JobStatus.COMPLETED:
            return ()
        if job.video is None:
            return job.raw_results.video_urls if job.raw_results else ()
        signed = await self._sign(job.id, job.video.files[Artifact.VIDEO])
        return (signed.url,) if signed else ()

    def file(self, job: Job, artifact: Artifact, output: str = "", stream_file: str = "") -> StoredFile:
        """Return a file of a job.

        Args:
            job: The job.
            artifact: Which file.
            output: The name of the output that it belongs to; empty is the first, or that with the job's stream.
            stream_file: The name of a file of its stream, instead of an artifact.

        Raises:
            DomainError: VIDEO_NOT_READY if there is none; INVALID_FIELD for an output or a file of the stream that the
                job does not have.
        """
        if job.status is not JobStatus.COMPLETED or job.video is None:
            raise _not_ready(job, "the job has no video that this service stores")
        video = job.video
        if output:
            outputs = {named.name: named.video for named in video.outputs}
            if output not in outputs:
                what = f"must be one of {', '.join(outputs)}" if outputs else "must be omitted: the job has one video"
                raise InvalidFields([FieldFault("output", what)])
            video = outputs[output]
        elif stream_file or artifact in _STREAMS:
            # A job has one stream, which need not begin with its first output.
            video = next((named.video for named in video.outputs if named.video.stream_files), video)
        if stream_file:
            found = video.stream_files.get(stream_file)
            if found is None:
                raise InvalidFields([FieldFault("stream_file", "must be the name of one of the video's stream_files")])
            return found
        if artifact not in video.files:
            of = f"the output {output}" if output else "the job"
            raise _not_ready(job, f"{of} has no {artifact.value.replace('_', ' ')}")
        return video.files[artifact]

    async def url(self, job_id: UUID, file: StoredFile) -> PresignedUrl:
        """Return a pre-signed URL of a file.

        Raises:
            DomainError: DOWNLOAD_URL_UNSUPPORTED.
        """
        signed = await self._sign(job_id, file)
        if signed is None:
            raise DomainError(
                ErrorReason.DOWNLOAD_URL_UNSUPPORTED,
                "this server's storage has no addresses to fetch from; use DownloadVideo",
                {"job_id": str(job_id)},
            )
        return signed

    async def read(self, job_id: UUID, file: StoredFile, offset: int) -> AsyncIterator[pb.DownloadVideoResponse]:
        """Yield a file in chunks from an offset; the first chunk describes the whole file.

        Raises:
            DomainError: OFFSET_OUT_OF_RANGE; FILE_LOST, if the store does not have the file as it was stored.
        """
        if offset > file.size_bytes:
            raise DomainError(
                ErrorReason.OFFSET_OUT_OF_RANGE,
                f"offset {offset} lies beyond the end of the file at {file.size_bytes}",
                {"offset": str(offset), "size_bytes": str(file.size_bytes)},
            )
        head = pb.DownloadVideoResponse(
            offset=offset, size_bytes=file.size_bytes, sha256=file.sha256, content_type=file.content_type
        )
        if offset == file.size_bytes:
            yield head
            return
        try:
            async for data in self._store.read(file.key, offset=offset, chunk_bytes=_PIECE_BYTES):
                piece = head if head.offset == offset and not head.data else pb.DownloadVideoResponse(offset=offset)
                piece.data = data
                offset += len(data)
                if offset > file.size_bytes:
                    break
                yield piece
        except (ObjectAbsent, ValueError) as error:  # ValueError: the object is shorter than the offset
            raise _lost(job_id, file) from error
        if offset != file.size_bytes:
            raise _lost(job_id, file)

    async def _sign(self, job_id: UUID, file: StoredFile) -> PresignedUrl | None:
        if file.parts:
            try:
                return await self._streams.url(file)
            except ObjectAbsent as error:
                raise _lost(job_id, file) from error
        folder, _, own = file_name(file).rpartition("/")
        name = f"{job_id}{folder and f'-{folder}'}.{own.rpartition('.')[2]}"
        return await self._store.presigned_url(
            file.key, expires_in=self._valid_for, filename=name, content_type=file.content_type
        )


def file_name(file: StoredFile) -> str:
    """Return the name of a file within its attempt: `video.mp4`, or `square/video.mp4` of one of several outputs."""
    return file.key.split("/", 4)[-1]


def _lost(job_id: UUID, file: StoredFile) -> DomainError:
    name = file_name(file)
    return DomainError(
        ErrorReason.FILE_LOST,
        f"{name}: lost by the object store; render again, or contact the operator",
        {"job_id": str(job_id), "file": name},
    )


def _not_ready(job: Job, what: str) -> DomainError:
    return DomainError(
        ErrorReason.VIDEO_NOT_READY,
        f"{what}; it is {job.status}",
        {"job_id": str(job.id), "status": job.status},
    )
