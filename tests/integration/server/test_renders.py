"""What RenderService promises, over the wire: starting, reading, listing, cancelling, watching, downloading."""

import asyncio
from collections.abc import AsyncIterable
from datetime import UTC, datetime, timedelta
from unittest import mock
from uuid import UUID, uuid4

import grpc
import pytest
from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.jobs import Jobs
from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import (
    Artifact,
    Job,
    JobError,
    JobStage,
    JobStatus,
    ProviderName,
    RawResults,
    StoredFile,
    Video,
)
from tests.integration.server.conftest import CONTENT, POSTER, Service, project_message
from tests.integration.server.status import refusal
from tests.objects import put_object

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_started_job_is_answered_as_it_is_stored(service: Service) -> None:
    request_id = str(uuid4())
    job = await service.start(labels={"team": "a"}, request_id=request_id, provider="local")
    assert (job.status, job.progress, job.sequence, job.attempt) == (job_pb2.JOB_STATUS_PENDING, 0, 1, 0)
    assert (job.workspace_id, job.project_id, job.provider) == (service.workspace, "", "local")
    assert (dict(job.labels), job.request_id) == ({"team": "a"}, request_id)
    assert UUID(job.job_id) != UUID(job.task_id)
    assert not job.video_urls
    assert abs(job.create_time.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    assert await service.get(job.job_id) == job
    stored = await service.row(job.job_id)
    assert (stored.status, stored.provider) == (JobStatus.PENDING, ProviderName.LOCAL)


async def test_without_a_provider_the_configured_one_is_taken(service: Service) -> None:
    assert (await service.start()).provider == "mock"


async def test_the_same_request_at_once_and_later_makes_one_job(service: Service) -> None:
    request_id = str(uuid4())
    jobs = await asyncio.gather(*(service.start(request_id=request_id) for _ in range(20)))
    await service.finish(jobs[0].job_id)
    later = await service.start(request_id=request_id)
    assert {job.job_id for job in (*jobs, later)} == {jobs[0].job_id}
    assert later.status == job_pb2.JOB_STATUS_COMPLETED
    listed = await service.stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id=service.workspace))
    assert len(listed.jobs) == 1


async def test_a_request_id_with_another_request_is_refused(service: Service) -> None:
    request_id = str(uuid4())
    job = await service.start(request_id=request_id)
    request = pb.StartRenderRequest(
        workspace_id=service.workspace, project=project_message(title="Other"), request_id=request_id
    )
    error = await refusal(service.stubs.renders.StartRender(request))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert error.metadata == {"request_id": request_id, "job_id": job.job_id}


def list_request(service: Service, **fields: object) -> pb.ListJobsRequest:
    return pb.ListJobsRequest(workspace_id=service.workspace, **fields)  # type: ignore[arg-type]


async def test_pages_lead_through_all_jobs_newest_first(service: Service) -> None:
    made = [(await service.start(labels={"n": str(n % 2)})).job_id for n in range(5)]
    for labels, expected in (({}, made[::-1]), ({"n": "0"}, [made[4], made[2], made[0]])):
        found, token = [], ""
        while True:
            page = await service.stubs.renders.ListJobs(
                list_request(service, page_size=2, page_token=token, labels=labels)
            )
            found += [job.job_id for job in page.jobs]
            token = page.next_page_token
            if not token:
                break
        assert found == expected


async def test_a_page_token_is_good_for_its_own_list_only(service: Service) -> None:
    for _ in range(2):
        await service.start()
    page = await service.stubs.renders.ListJobs(list_request(service, page_size=1))
    token = page.next_page_token
    await service.stubs.renders.ListJobs(list_request(service, page_size=50, page_token=token))
    for request in (
        list_request(service, page_token=token, labels={"n": "0"}),
        list_request(service, page_token=token, statuses=[job_pb2.JOB_STATUS_PENDING]),
        list_request(service, page_token=token, project_id=str(uuid4())),
        list_request(service, page_token=token[:-1]),
        list_request(service, page_token="nonsense"),
        pb.ListJobsRequest(workspace_id="other", page_token=token),
    ):
        error = await refusal(service.stubs.renders.ListJobs(request))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def cancel(service: Service, job_id: str) -> job_pb2.Job:
    request = pb.CancelJobRequest(workspace_id=service.workspace, job_id=job_id)
    return (await service.stubs.renders.CancelJob(request)).job


async def test_a_waiting_job_is_cancelled_at_once_and_cancelling_again_changes_nothing(service: Service) -> None:
    job = await service.start()
    first = await cancel(service, job.job_id)
    assert first.status == job_pb2.JOB_STATUS_CANCELLED
    assert first.HasField("end_time")
    assert await cancel(service, job.job_id) == first


async def test_a_running_job_is_cancelled_by_its_worker(service: Service) -> None:
    job = await service.start()
    lease = (await service.claim(job.job_id)).lease
    assert (await cancel(service, job.job_id)).status == job_pb2.JOB_STATUS_PROCESSING
    await service.lifecycle.release(lease)
    assert (await service.get(job.job_id)).status == job_pb2.JOB_STATUS_CANCELLED


async def test_cancelling_a_finished_job_answers_its_state(service: Service) -> None:
    job = await service.start()
    await service.finish(job.job_id)
    assert (await cancel(service, job.job_id)).status == job_pb2.JOB_STATUS_COMPLETED


async def test_a_finished_job_shows_its_video_and_a_failed_one_its_reason(service: Service) -> None:
    job = await service.start()
    video = await service.finish(job.job_id)
    done = await service.get(job.job_id)
    assert (done.status, done.progress) == (job_pb2.JOB_STATUS_COMPLETED, 100)
    assert (done.video.width, done.video.frames, done.video.size_bytes) == (256, video.frames, len(CONTENT))

    failed = await service.start()
    error = JobError(ErrorReason.ASSET_INVALID, "the picture is none", {"shot_id": "one"})
    lease = (await service.claim(failed.job_id)).lease
    await service.lifecycle.end_attempt(lease, error, retryable=False)
    failed = await service.get(failed.job_id)
    assert failed.status == job_pb2.JOB_STATUS_FAILED
    assert (failed.error_reason, failed.error_message) == ("ASSET_INVALID", "the picture is none")
    assert dict(failed.error_metadata) == {"shot_id": "one"}


async def test_a_job_without_a_stored_video_leads_to_the_providers_addresses(service: Service) -> None:
    job = await service.start()
    url = "https://example.com/mock-videos/x.mp4"
    lease = (await service.claim(job.job_id)).lease
    await service.lifecycle.complete(lease, RawResults("completed", (url,), {"provider": "mock"}), None)
    done = await service.get(job.job_id)
    assert (list(done.video_urls), done.raw_results.status) == ([url], "completed")
    assert not done.HasField("video")


def watch(
    service: Service, job_id: str, **fields: int
) -> grpc.aio.UnaryStreamCall[pb.WatchProgressRequest, pb.WatchProgressResponse]:
    request = pb.WatchProgressRequest(workspace_id=service.workspace, job_id=job_id, **fields)
    return service.stubs.renders.WatchProgress(request)


async def events(
    stream: AsyncIterable[pb.WatchProgressResponse],
) -> list[job_pb2.JobEvent]:
    async with asyncio.timeout(60):
        return [response.event async for response in stream if response.HasField("event")]


async def test_a_watch_delivers_all_events_and_can_be_resumed_anywhere(service: Service) -> None:
    job = await service.start()
    stream = aiter(watch(service, job.job_id))
    first = await anext(stream)
    assert (first.event.sequence, first.event.status) == (1, job_pb2.JOB_STATUS_PENDING)
    lease = (await service.claim(job.job_id)).lease
    await service.lifecycle.report(lease, stage=JobStage.COMPOSING, progress=50, message="half")
    await service.lifecycle.complete(lease, None, None)
    received = [first.event, *await events(stream)]
    assert [event.sequence for event in received] == [1, 2, 3, 4]
    assert [event.stage for event in received] == [0, job_pb2.JOB_STAGE_PREPARING, job_pb2.JOB_STAGE_COMPOSING, 0]
    assert received[-1].status == job_pb2.JOB_STATUS_COMPLETED
    assert {event.task_id for event in received} == {job.task_id}
    for after in range(4):
        assert await events(watch(service, job.job_id, after_sequence=after)) == received[after:]
    assert [event.sequence for event in await events(watch(service, job.job_id, after_sequence=4))] == [4]


async def test_a_quiet_watch_gives_signs_of_life(service: Service) -> None:
    job = await service.start()
    stream = watch(service, job.job_id)
    async with asyncio.timeout(60):
        first, second = await stream.read(), await stream.read()
    assert isinstance(first, pb.WatchProgressResponse)
    assert isinstance(second, pb.WatchProgressResponse)
    assert (first.WhichOneof("update"), second.WhichOneof("update")) == ("event", "heartbeat")
    stream.cancel()


async def test_leaving_a_watch_does_not_cancel_the_job(service: Service) -> None:
    job = await service.start()
    stream = watch(service, job.job_id)
    await stream.read()
    stream.cancel()
    await service.finish(job.job_id)
    assert (await service.get(job.job_id)).status == job_pb2.JOB_STATUS_COMPLETED


async def test_a_watch_beyond_the_present_is_refused_with_the_present_sequence(service: Service) -> None:
    job = await service.start()
    error = await refusal(events(watch(service, job.job_id, after_sequence=2**63 - 1)))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "SEQUENCE_IN_FUTURE")
    assert error.metadata["sequence"] == "1"


async def download(service: Service, job_id: str, **fields: object) -> list[pb.DownloadVideoResponse]:
    request = pb.DownloadVideoRequest(workspace_id=service.workspace, job_id=job_id, **fields)  # type: ignore[arg-type]
    return [piece async for piece in service.stubs.renders.DownloadVideo(request)]


async def test_a_download_can_be_resumed_at_any_byte(service: Service) -> None:
    job = await service.start()
    await service.finish(job.job_id)
    for offset in (0, 1, 524_287, 524_288, 524_289, len(CONTENT) - 1):
        pieces = await download(service, job.job_id, offset=offset)
        assert b"".join(piece.data for piece in pieces) == CONTENT[offset:]
        assert pieces[0].size_bytes == len(CONTENT)
        assert (pieces[0].sha256, pieces[0].content_type) == ("ab" * 32, "video/mp4")
        position = offset
        for piece in pieces:
            assert piece.offset == position
            assert 0 < len(piece.data) <= 1024 * 1024
            position += len(piece.data)


async def test_an_offset_at_the_end_returns_nothing_and_one_beyond_it_is_refused(
    service: Service,
) -> None:
    job = await service.start()
    await service.finish(job.job_id)
    (piece,) = await download(service, job.job_id, offset=len(CONTENT))
    assert (piece.data, piece.offset, piece.size_bytes) == (b"", len(CONTENT), len(CONTENT))
    error = await refusal(download(service, job.job_id, offset=len(CONTENT) + 1))
    assert (error.code, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE")
    assert error.metadata == {"offset": str(len(CONTENT) + 1), "size_bytes": str(len(CONTENT))}


async def test_the_poster_can_be_downloaded_too(service: Service) -> None:
    job = await service.start()
    await service.finish(job.job_id)
    (piece,) = await download(service, job.job_id, artifact=job_pb2.ARTIFACT_POSTER)
    assert (piece.data, piece.content_type) == (POSTER, "image/jpeg")


@pytest.mark.parametrize("artifact", [job_pb2.ARTIFACT_VIDEO, job_pb2.ARTIFACT_POSTER])
@pytest.mark.parametrize("left", [None, -1, 1], ids=["absent", "truncated", "longer"])
@pytest.mark.parametrize("offset", [0, len(POSTER) - 1])
async def test_a_file_that_the_store_has_lost_is_data_loss_by_name(
    service: Service, artifact: job_pb2.Artifact.ValueType, left: int | None, offset: int
) -> None:
    job = await service.start()
    video = await service.finish(job.job_id)
    file = video.files[Artifact.VIDEO if artifact == job_pb2.ARTIFACT_VIDEO else Artifact.POSTER]
    await service.store.delete(file.key)
    if left is not None:
        await put_object(service.store, file.key, bytes(file.size_bytes + left), content_type=file.content_type)
    error = await refusal(download(service, job.job_id, artifact=artifact, offset=offset))
    assert (error.code, error.reason) == (grpc.StatusCode.DATA_LOSS, "FILE_LOST")
    assert error.metadata == {"job_id": job.job_id, "file": file.key.rpartition("/")[2]}


async def test_a_job_deleted_during_its_download_is_not_found(service: Service) -> None:
    job = await service.start()
    video = await service.finish(job.job_id)
    get = Jobs.get
    deleted: list[UUID] = []

    async def get_then_delete(jobs: Jobs, workspace_id: str, job_id: UUID) -> Job:
        found = await get(jobs, workspace_id, job_id)
        if not deleted:
            deleted.append(job_id)
            await service.store.delete(video.files[Artifact.VIDEO].key)
            await Deletions(service.database).delete_job(workspace_id, job_id)
        return found

    with mock.patch.object(Jobs, "get", get_then_delete):
        error = await refusal(download(service, job.job_id))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND")


async def test_a_download_before_the_end_or_without_a_video_is_refused_as_too_early(service: Service) -> None:
    job = await service.start()
    cancelled = await service.start()
    await cancel(service, cancelled.job_id)
    for job_id, status in ((job.job_id, "PENDING"), (cancelled.job_id, "CANCELLED")):
        url = pb.CreateDownloadUrlRequest(workspace_id=service.workspace, job_id=job_id)
        for call in (download(service, job_id), service.stubs.renders.CreateDownloadUrl(url)):
            error = await refusal(call)
            assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "VIDEO_NOT_READY")
            assert error.metadata == {"job_id": job_id, "status": status}


async def test_a_local_folder_has_no_addresses_and_says_what_to_do_instead(service: Service) -> None:
    job = await service.start()
    await service.finish(job.job_id)
    request = pb.CreateDownloadUrlRequest(workspace_id=service.workspace, job_id=job.job_id)
    error = await refusal(service.stubs.renders.CreateDownloadUrl(request))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DOWNLOAD_URL_UNSUPPORTED")
    assert "DownloadVideo" in error.message


async def test_jobs_are_listed_without_their_details_unless_these_are_asked_for(service: Service) -> None:
    job = await service.start(project=project_message(title="{{city}}, again"), variables={"city": "Oslo"})
    assert job.title == "Oslo, again"
    lease = (await service.claim(job.job_id)).lease
    file = StoredFile(f"videos/{service.workspace}/{job.job_id}/1/video.mp4", 5, "ab" * 32, "video/mp4")
    results = RawResults("completed", ("https://example.com/v",), {"padding": "p" * 1_000})
    video = Video({Artifact.VIDEO: file}, 2, 2, 1, 1, {"loudness": -14.0})
    await service.lifecycle.complete(lease, results, video)
    whole = await service.get(job.job_id)
    assert whole.raw_results.extra["padding"]
    assert whole.video.check["loudness"] == -14.0
    for view, has_details in ((None, False), (job_pb2.JOB_VIEW_BASIC, False), (job_pb2.JOB_VIEW_FULL, True)):
        listed = await service.stubs.renders.ListJobs(
            pb.ListJobsRequest(workspace_id=service.workspace, view=view)  # type: ignore[arg-type]
        )
        expected = job_pb2.Job()
        expected.CopyFrom(whole)
        if not has_details:
            expected.ClearField("raw_results")
            expected.video.ClearField("check")
        assert list(listed.jobs) == [expected]


async def test_pages_of_jobs_end_by_bytes(service: Service) -> None:
    results = RawResults("completed", (), {"padding": "p" * 1_200_000})
    made = []
    for _ in range(4):
        made.append((await service.start()).job_id)
        await service.lifecycle.complete((await service.claim(made[-1])).lease, results, None)
    found, sizes, token = [], [], ""
    while True:
        request = pb.ListJobsRequest(workspace_id=service.workspace, page_token=token, view=job_pb2.JOB_VIEW_FULL)
        page = await service.stubs.renders.ListJobs(request)
        found += [job.job_id for job in page.jobs]
        sizes.append(len(page.jobs))
        token = page.next_page_token
        if not token:
            break
    assert (found, sizes) == (made[::-1], [2, 2])
