"""`render`: from a project to a file in one call, or an error that says why there is none."""

import threading
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from render_client import (
    DeadlineError,
    InvalidRequestError,
    JobFailedError,
    PreconditionError,
    RenderClient,
)
from render_client.v1 import job_pb2, output_pb2, project_pb2, render_service_pb2

from tests.unit.client.fake_service import FakeService, refusal

PROJECT = project_pb2.Project(title="Sea")


@pytest.fixture
def ends(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> list[job_pb2.JobStatus.ValueType]:
    """How jobs end soon after they are started; COMPLETED unless a test appends something."""
    ends: list[job_pb2.JobStatus.ValueType] = []
    new_job = service.new_job

    def start(**fields: str) -> str:
        job_id = new_job(**fields)
        end = ends[0] if ends else job_pb2.JOB_STATUS_COMPLETED
        service.jobs[job_id].job.error_reason = "ASSET_INVALID" if end == job_pb2.JOB_STATUS_FAILED else ""
        if end == job_pb2.JOB_STATUS_FAILED:
            service.jobs[job_id].job.error_metadata["shot"] = "shot-1"
        threading.Timer(0.05, service.run_to_end, (job_id, end, "no picture")).start()
        return job_id

    monkeypatch.setattr(service, "new_job", start)
    return ends


@pytest.mark.usefixtures("ends")
def test_a_project_becomes_a_file_and_its_progress_is_reported(
    client: RenderClient, service: FakeService, tmp_path: Path
) -> None:
    seen: list[int] = []
    options = output_pb2.OutputOptions(fps=25)
    job = client.render(
        PROJECT,
        output=tmp_path / "sea.mp4",
        output_options=options,
        provider="mock",
        labels={"team": "x"},
        on_progress=lambda event: seen.append(event.progress),
        timeout=timedelta(minutes=1),
    )
    assert (tmp_path / "sea.mp4").read_bytes() == service.file
    assert job.status == job_pb2.JOB_STATUS_COMPLETED
    assert (seen[-1], seen) == (100, sorted(seen))
    (sent,) = service.calls["StartRender"]
    assert isinstance(sent, render_service_pb2.StartRenderRequest)
    assert (sent.project, sent.output, sent.provider, dict(sent.labels)) == (PROJECT, options, "mock", {"team": "x"})


@pytest.mark.parametrize("end", [job_pb2.JOB_STATUS_FAILED, job_pb2.JOB_STATUS_CANCELLED])
def test_a_job_that_ends_without_a_video_raises_with_its_reason(
    client: RenderClient,
    service: FakeService,
    ends: list[job_pb2.JobStatus.ValueType],
    end: job_pb2.JobStatus.ValueType,
    tmp_path: Path,
) -> None:
    ends.append(end)
    with pytest.raises(JobFailedError) as failed:
        client.render(PROJECT, output=tmp_path / "sea.mp4")
    (job_id,) = service.jobs
    assert failed.value.job.job_id == failed.value.metadata["job_id"] == job_id
    if end == job_pb2.JOB_STATUS_FAILED:
        assert str(failed.value) == f"job {job_id} is FAILED: ASSET_INVALID: no picture (shot = shot-1)"
        assert (failed.value.reason, failed.value.metadata["shot"]) == ("ASSET_INVALID", "shot-1")
    else:
        assert str(failed.value) == f"job {job_id} is CANCELLED"
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_started_where_the_file_cannot_be_written(
    client: RenderClient, service: FakeService, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        client.render(PROJECT, output=tmp_path / "no" / "sea.mp4")
    assert not service.calls["StartRender"]


def test_a_refused_project_raises_its_faults(client: RenderClient, service: FakeService, tmp_path: Path) -> None:
    faults = {"project.title": "too long"}
    service.refusals["StartRender"] = [refusal(grpc.StatusCode.INVALID_ARGUMENT, "one fault", faults=faults)]
    with pytest.raises(InvalidRequestError) as refused:
        client.render(PROJECT, output=tmp_path / "sea.mp4")
    assert [fault.field for fault in refused.value.field_faults] == ["project.title"]


def test_a_timeout_names_the_job_that_continues(client: RenderClient, service: FakeService, tmp_path: Path) -> None:
    with pytest.raises(DeadlineError) as late:
        client.render(PROJECT, output=tmp_path / "sea.mp4", timeout=0.3)
    assert [late.value.metadata["job_id"]] == list(service.jobs)


def test_a_failing_progress_callback_closes_the_watch(
    client: RenderClient, service: FakeService, tmp_path: Path
) -> None:
    def fail(event: job_pb2.JobEvent) -> None:
        raise LookupError(event.job_id)

    with pytest.raises(LookupError):
        client.render(PROJECT, output=tmp_path / "sea.mp4", on_progress=fail)
    service.wait_for_watchers(0)


def no_video(service: FakeService, method: str) -> str:
    """Store a FAILED job whose files the service refuses."""
    job_id = service.new_job()
    service.run_to_end(job_id, job_pb2.JOB_STATUS_FAILED, "no picture")
    service.refusals[method] = [refusal(grpc.StatusCode.FAILED_PRECONDITION, "the job has no video", "VIDEO_NOT_READY")]
    return job_id


def test_the_download_of_a_failed_job_says_why_it_failed(
    client: RenderClient, service: FakeService, tmp_path: Path
) -> None:
    with pytest.raises(JobFailedError, match="FAILED: no picture"):
        client.download(no_video(service, "DownloadVideo"), tmp_path / "v.mp4")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(JobFailedError, match="FAILED: no picture"):
        client.create_download_url(no_video(service, "CreateDownloadUrl"))


def test_the_download_of_a_running_job_is_refused_as_before(
    client: RenderClient, service: FakeService, tmp_path: Path
) -> None:
    job_id = service.new_job()
    service.refusals["DownloadVideo"] = [refusal(grpc.StatusCode.FAILED_PRECONDITION, "not yet", "VIDEO_NOT_READY")]
    with pytest.raises(PreconditionError, match="not yet") as refused:
        client.download(job_id, tmp_path / "v.mp4")
    assert not isinstance(refused.value, JobFailedError)
