"""Jobs and their events are mapped in full."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from google.protobuf import json_format
from render_client.v1 import job_pb2

from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.cost import Cost
from render_service.domain.jobs.job import (
    Artifact,
    AudioTrack,
    AudioTrackKind,
    Job,
    JobBatch,
    JobError,
    JobEvent,
    JobStage,
    JobStatus,
    NamedVideo,
    ProviderName,
    RawResults,
    StoredFile,
    Video,
)
from render_service.domain.warning import JobWarning, WarningCode
from render_service.server.mapping.job import event_to_proto, job_to_proto

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)
URLS = ["https://example.com/video.mp4"]
ERROR = JobError(ErrorReason.ASSET_INVALID, "the picture is empty", {"shot_id": "opening"})
WARNING = JobWarning(WarningCode.ASSET_REPLACED, "opening.image_uri: empty", "opening", "image_uri")
WARNING_IN_JSON = {
    "code": "WARNING_CODE_ASSET_REPLACED",
    "message": "opening.image_uri: empty",
    "shot_id": "opening",
    "field": "image_uri",
}
FILES = {
    Artifact.VIDEO: StoredFile("key", 5_000_000_000, "ab" * 32, "video/mp4"),
    Artifact.POSTER: StoredFile("poster", 1_000, "cd" * 32, "image/jpeg"),
    Artifact.HLS: StoredFile(
        "a/master.m3u8", 400, "12" * 32, "text/plain", (StoredFile("a/video.mp4", 9, "34" * 32, "video/mp4"),)
    ),
}
TRACK = AudioTrack(
    AudioTrackKind.NARRATION, "en-US", ("af_heart",), "local", timedelta(seconds=30), "ef" * 32, Artifact.NARRATION
)
NAMED = NamedVideo("square", Video(FILES, 1080, 1080, 25, 750, check={"frames": 750}))
JOB = Job(
    id=UUID(int=1),
    task_id=UUID(int=2),
    workspace_id="team-a",
    project_id=UUID(int=3),
    provider=ProviderName.LOCAL,
    status=JobStatus.PROCESSING,
    stage=JobStage.COMPOSING,
    progress=42,
    message="composing",
    sequence=9,
    milestone=4,
    attempt=2,
    raw_results=RawResults("completed", ("https://example.com/1",), {"cost": 3, "list": [None, True, {"a": "b"}]}),
    video=Video(FILES, 1920, 1080, 30, 900, check={"frames": 900}, audio_tracks=(TRACK,), outputs=(NAMED,)),
    error=ERROR,
    request_id=UUID(int=4),
    labels={"team": "a"},
    create_time=NOW,
    start_time=NOW + timedelta(seconds=1),
    end_time=NOW + timedelta(seconds=2),
    update_time=NOW + timedelta(seconds=3),
    cost=(Cost("USD", Decimal("0.450")),),
    priority=7,
    warnings=(WARNING,),
    title="The sea",
    batch=JobBatch(UUID(int=7), 3, "row-3"),
)
EVENT = JobEvent(
    job_id=UUID(int=1),
    task_id=UUID(int=2),
    workspace_id="team-a",
    sequence=9,
    milestone=4,
    is_milestone=True,
    status=JobStatus.FAILED,
    stage=JobStage.CHECKING,
    progress=42,
    message="failed",
    attempt=2,
    timestamp=NOW,
    error=ERROR,
    warnings=(WARNING,),
)


def test_every_field_of_a_job_is_mapped() -> None:
    message = job_to_proto(JOB, URLS)
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)
    assert len(message.video.ListFields()) == len(message.video.DESCRIPTOR.fields)
    (square,) = message.outputs
    assert (square.name, square.video.width, square.video.frames) == ("square", 1080, 750)
    fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
    del fields["outputs"]
    assert fields == {
        "job_id": str(JOB.id),
        "task_id": str(JOB.task_id),
        "workspace_id": "team-a",
        "project_id": str(JOB.project_id),
        "batch": {"batch_id": str(UUID(int=7)), "row": 3, "key": "row-3"},
        "provider": "local",
        "status": "JOB_STATUS_PROCESSING",
        "stage": "JOB_STAGE_COMPOSING",
        "progress": 42,
        "message": "composing",
        "sequence": "9",
        "attempt": 2,
        "video_urls": URLS,
        "video": {
            "size_bytes": "5000000000",
            "sha256": "ab" * 32,
            "width": 1920,
            "height": 1080,
            "fps": 30,
            "frames": "900",
            "content_type": "video/mp4",
            "artifacts": ["ARTIFACT_VIDEO", "ARTIFACT_POSTER", "ARTIFACT_HLS"],
            "check": {"frames": 900.0},
            "duration": "30s",
            "audio_tracks": [
                {
                    "kind": "AUDIO_TRACK_KIND_NARRATION",
                    "language": "en-US",
                    "voices": ["af_heart"],
                    "provider": "local",
                    "duration": "30s",
                    "sha256": "ef" * 32,
                    "artifact": "ARTIFACT_NARRATION",
                }
            ],
            "stream_files": [
                {"name": "master.m3u8", "size_bytes": "400", "sha256": "12" * 32, "content_type": "text/plain"},
                {"name": "video.mp4", "size_bytes": "9", "sha256": "34" * 32, "content_type": "video/mp4"},
            ],
        },
        "raw_results": {
            "status": "completed",
            "video_urls": ["https://example.com/1"],
            "extra": {"cost": 3.0, "list": [None, True, {"a": "b"}]},
        },
        "error_message": "the picture is empty",
        "error_reason": "ASSET_INVALID",
        "error_metadata": {"shot_id": "opening"},
        "request_id": str(JOB.request_id),
        "labels": {"team": "a"},
        "create_time": "2026-01-31T12:00:00.123456Z",
        "start_time": "2026-01-31T12:00:01.123456Z",
        "end_time": "2026-01-31T12:00:02.123456Z",
        "update_time": "2026-01-31T12:00:03.123456Z",
        "cost": [{"unit": "USD", "amount": "0.45"}],
        "priority": 7,
        "warnings": [WARNING_IN_JSON],
        "title": "The sea",
    }


def test_what_a_job_lacks_is_absent() -> None:
    bare = replace(
        JOB,
        project_id=None,
        stage=None,
        raw_results=None,
        video=None,
        error=None,
        request_id=None,
        start_time=None,
        end_time=None,
    )
    message = job_to_proto(bare, ())
    for name in ("video", "raw_results", "start_time", "end_time"):
        assert not message.HasField(name)
    assert (message.project_id, message.request_id, message.error_reason, list(message.video_urls)) == ("", "", "", [])
    assert message.stage == job_pb2.JOB_STAGE_UNSPECIFIED


def test_the_keys_of_the_object_store_and_the_check_stay_inside() -> None:
    assert b"poster" not in job_to_proto(JOB, ()).SerializeToString()


def test_every_field_of_an_event_is_mapped() -> None:
    message = event_to_proto(EVENT, URLS)
    assert len(message.ListFields()) == len(message.DESCRIPTOR.fields)
    assert json_format.MessageToDict(message, preserving_proto_field_name=True) == {
        "job_id": str(EVENT.job_id),
        "task_id": str(EVENT.task_id),
        "sequence": "9",
        "status": "JOB_STATUS_FAILED",
        "stage": "JOB_STAGE_CHECKING",
        "progress": 42,
        "message": "failed",
        "timestamp": "2026-01-31T12:00:00.123456Z",
        "attempt": 2,
        "error_message": "the picture is empty",
        "error_reason": "ASSET_INVALID",
        "video_urls": URLS,
        "warnings": [WARNING_IN_JSON],
    }
