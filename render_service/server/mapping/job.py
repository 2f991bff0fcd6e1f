"""Between the domain's jobs and events and `render.v1.Job` and `JobEvent`."""

from collections.abc import Sequence

from google.protobuf.struct_pb2 import Struct
from render_client.v1 import job_pb2

from render_service.domain.faults import Faults
from render_service.domain.jobs.job import Artifact, AudioTrack, Job, JobEvent, JobStage, JobStatus, RawResults, Video
from render_service.domain.warning import JobWarning
from render_service.server.mapping.enums import ARTIFACT, AUDIO_TRACK_KIND, JOB_STAGE, JOB_STATUS, WARNING_CODE
from render_service.server.mapping.generation import costs_to_proto
from render_service.server.mapping.pages import View
from render_service.server.mapping.times import optional_timestamp, timestamp, write_duration


def job_to_proto(job: Job, video_urls: Sequence[str], view: View = View.FULL) -> job_pb2.Job:
    """Return the message of a job.

    Args:
        job: The job.
        video_urls: Where its video can be fetched; empty unless it is COMPLETED.
        view: BASIC omits the response of the provider, and what the verification of the video measured.
    """
    full = view is View.FULL
    return job_pb2.Job(
        job_id=str(job.id),
        task_id=str(job.task_id),
        workspace_id=job.workspace_id,
        project_id=str(job.project_id or ""),
        provider=job.provider,
        status=JOB_STATUS.number(job.status),
        stage=_stage(job.stage),
        progress=job.progress,
        message=job.message,
        sequence=job.sequence,
        attempt=job.attempt,
        video_urls=video_urls,
        video=_video(job.video, full=full) if job.video else None,
        raw_results=_raw_results(job.raw_results) if job.raw_results and full else None,
        error_message=job.error.message if job.error else "",
        error_reason=job.error.reason if job.error else "",
        error_metadata=job.error.metadata if job.error else None,
        request_id=str(job.request_id or ""),
        labels=job.labels,
        create_time=timestamp(job.create_time),
        start_time=optional_timestamp(job.start_time),
        end_time=optional_timestamp(job.end_time),
        update_time=timestamp(job.update_time),
        cost=costs_to_proto(job.cost),
        priority=job.priority,
        warnings=map(_warning, job.warnings),
        title=job.title,
        outputs=[
            job_pb2.JobOutput(name=named.name, video=_video(named.video, full=full))
            for named in (job.video.outputs if job.video else ())
        ],
        batch=job_pb2.JobBatch(batch_id=str(job.batch.id), row=job.batch.row, key=job.batch.key) if job.batch else None,
    )


def event_to_proto(event: JobEvent, video_urls: Sequence[str]) -> job_pb2.JobEvent:
    """Return the message of an event.

    Args:
        event: The event.
        video_urls: Where the video can be fetched; empty unless the event is COMPLETED.
    """
    return job_pb2.JobEvent(
        job_id=str(event.job_id),
        task_id=str(event.task_id),
        sequence=event.sequence,
        status=JOB_STATUS.number(event.status),
        stage=_stage(event.stage),
        progress=event.progress,
        message=event.message,
        timestamp=timestamp(event.timestamp),
        attempt=event.attempt,
        error_message=event.error.message if event.error else "",
        error_reason=event.error.reason if event.error else "",
        video_urls=video_urls,
        warnings=map(_warning, event.warnings),
    )


def statuses_from_proto(numbers: Sequence[int], path: str, faults: Faults) -> tuple[JobStatus, ...]:
    """Return the statuses of a filter, each once; UNSPECIFIED and unknown numbers are faults."""
    return JOB_STATUS.read_all(numbers, path, faults)


def _stage(stage: JobStage | None) -> job_pb2.JobStage.ValueType:
    return JOB_STAGE.number(stage) if stage else job_pb2.JOB_STAGE_UNSPECIFIED


def _warning(warning: JobWarning) -> job_pb2.JobWarning:
    return job_pb2.JobWarning(
        code=WARNING_CODE.number(warning.code),
        message=warning.message,
        shot_id=warning.shot_id,
        field=warning.field,
    )


def _video(video: Video, *, full: bool) -> job_pb2.Video:
    file = video.files[Artifact.VIDEO]
    check = Struct()
    check.update(video.check)
    message = job_pb2.Video(
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        width=video.width,
        height=video.height,
        fps=video.fps,
        frames=video.frames,
        content_type=file.content_type,
        artifacts=[ARTIFACT.number(artifact) for artifact in Artifact if artifact in video.files],
        check=check if full else None,
        audio_tracks=map(_audio_track, video.audio_tracks),
        stream_files=[
            job_pb2.StreamFile(name=name, size_bytes=one.size_bytes, sha256=one.sha256, content_type=one.content_type)
            for name, one in video.stream_files.items()
        ],
    )
    write_duration(video.duration, message.duration)
    return message


def _audio_track(track: AudioTrack) -> job_pb2.AudioTrack:
    message = job_pb2.AudioTrack(
        kind=AUDIO_TRACK_KIND.number(track.kind),
        language=track.language,
        voices=track.voices,
        provider=track.provider,
        sha256=track.sha256,
        artifact=ARTIFACT.number(track.artifact),
    )
    write_duration(track.duration, message.duration)
    return message


def _raw_results(results: RawResults) -> job_pb2.RawResults:
    extra = Struct()
    extra.update(results.extra)
    return job_pb2.RawResults(status=results.status, video_urls=results.video_urls, extra=extra)
