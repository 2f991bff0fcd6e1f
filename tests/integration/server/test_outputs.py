"""Jobs with several videos, over the wire: what is refused, what is stored, and whose files are downloaded."""

from collections.abc import Mapping
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf import json_format
from render_client.v1 import job_pb2, output_pb2
from render_client.v1 import render_service_pb2 as pb

from render_service.db.jobs.deletions import Deletions
from render_service.domain.jobs.job import Artifact, NamedVideo, RawResults, StoredFile, Video
from render_service.domain.projects.output import Container, VideoCodec
from render_service.storage.keys import file_key
from tests.integration.server.conftest import Service, project_message
from tests.integration.server.status import refusal
from tests.objects import put_object

pytestmark = pytest.mark.asyncio(loop_scope="module")

HD: dict[str, Any] = {"name": "hd", "output": {"fps": 25}}
SQUARE: dict[str, Any] = {"name": "square", "output": {"aspect_ratio": "ASPECT_RATIO_1_1"}, "burn_captions": False}


def named(*outputs: Mapping[str, Any]) -> list[output_pb2.NamedOutput]:
    return [json_format.ParseDict(dict(output), output_pb2.NamedOutput()) for output in outputs]


async def complete(service: Service, job_id: str) -> None:
    """Do what a worker does: store a video for each output, whose content is its name."""
    claim = await service.claim(job_id)
    videos = []
    for output in claim.spec.outputs:
        name = f"{output.name}/video.mp4"
        key = file_key(service.workspace, claim.lease.job_id, claim.lease.attempt, name)
        await put_object(service.store, key, output.name.encode(), content_type="video/mp4")
        files = {Artifact.VIDEO: StoredFile(key, len(output.name), "ab" * 32, "video/mp4")}
        videos.append(NamedVideo(output.name, Video(files, output.output.width, output.output.height, 25, 10)))
    first = videos[0].video
    video = Video(first.files, first.width, first.height, 25, 10, outputs=tuple(videos))
    await service.lifecycle.complete(claim.lease, RawResults("completed"), video)


async def content(service: Service, job_id: str, output: str) -> bytes:
    request = pb.DownloadVideoRequest(workspace_id=service.workspace, job_id=job_id, output=output)
    return b"".join([piece.data async for piece in service.stubs.renders.DownloadVideo(request)])


async def test_each_output_has_its_options_over_those_of_the_project(service: Service) -> None:
    project = project_message(output={"quality": "QUALITY_PRESET_HIGH", "container": "CONTAINER_WEBM"})
    mp4 = {"name": "m", "output": {"container": "CONTAINER_MP4", "codec": "VIDEO_CODEC_AV1"}}
    job = await service.start(project=project, outputs=named(HD, SQUARE, mp4), provider="local")
    spec = (await service.claim(job.job_id)).spec
    assert [(one.name, one.output.container, one.output.codec, one.burn_captions) for one in spec.outputs] == [
        ("hd", Container.WEBM, None, None),
        ("square", Container.WEBM, None, False),
        ("m", Container.MP4, VideoCodec.AV1, None),
    ]
    assert [(one.output.width, one.output.height, one.output.fps) for one in spec.outputs] == [
        (1920, 1080, 25),
        (1080, 1080, 30),
        (1920, 1080, 30),
    ]
    assert spec.output == spec.outputs[0].output


async def test_files_of_all_outputs_are_described_downloaded_and_kept(service: Service) -> None:
    job_id = (await service.start(outputs=named(HD, SQUARE), provider="local")).job_id
    assert not (await service.get(job_id)).outputs
    await complete(service, job_id)
    job = await service.get(job_id)
    assert [(output.name, output.video.width) for output in job.outputs] == [("hd", 1920), ("square", 1080)]
    assert job.video == job.outputs[0].video
    assert [await content(service, job_id, name) for name in ("", "hd", "square")] == [b"hd", b"hd", b"square"]
    stored = await service.row(job_id)
    assert stored.video is not None
    kept = await Deletions(service.database).kept([stored.id])
    assert kept[stored.id].keys == set(stored.video.stored_files)
    assert len(kept[stored.id].keys) == 2
    async with service.database.single() as connection:
        statement = sa.text("SELECT size_bytes FROM videos WHERE job_id = :id")
        assert await connection.scalar(statement, {"id": stored.id}) == len("hd") + len("square")


async def test_an_output_that_a_job_lacks_is_refused(service: Service) -> None:
    several = await service.start(outputs=named(HD, SQUARE))
    await complete(service, several.job_id)
    single = await service.start()
    await service.finish(single.job_id)
    for job, fault in ((several, "must be one of hd, square"), (single, "must be omitted: the job has one video")):
        for artifact in (job_pb2.ARTIFACT_VIDEO, job_pb2.ARTIFACT_POSTER):
            request = pb.DownloadVideoRequest(
                workspace_id=service.workspace, job_id=job.job_id, output="tall", artifact=artifact
            )
            error = await refusal(service.stubs.renders.DownloadVideo(request))
            assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
            assert fault in error.message


REFUSED: dict[str, tuple[list[Mapping[str, Any]], str]] = {
    "the container lacks the codec": (
        [HD, {"name": "b", "output": {"container": "CONTAINER_WEBM", "codec": "VIDEO_CODEC_H264"}}],
        "outputs[1].output.codec: must be one of VP9, AV1 in WEBM",
    ),
    "an animation has no codec": (
        [{"name": "a", "output": {"container": "CONTAINER_GIF", "codec": "VIDEO_CODEC_H264"}}],
        "outputs[0].output.codec: must be omitted: GIF has no choice of codecs",
    ),
    "names repeat": ([HD, SQUARE, HD], "outputs[2].name: must differ from outputs[0].name"),
    "no name": ([{}], "outputs[0].name: must have 1–32 characters"),
    "a name with capitals": ([{"name": "Hd"}], "outputs[0].name: must have 1–32 characters"),
    "a long name": ([{"name": "x" * 33}], "outputs[0].name: must have 1–32 characters"),
    "a name that leads elsewhere": ([{"name": ".."}], "outputs[0].name: must have 1–32 characters"),
    "too many": ([{"name": f"n{n}"} for n in range(13)], "outputs: must have at most 12 outputs"),
    "a frame rate": ([HD, {"name": "b", "output": {"fps": 31}}], "outputs[1].output.fps"),
    "a size": ([{"name": "b", "output": {"size": {"width": 3, "height": 90}}}], "outputs[0].output.size.width"),
    "a time beyond the end": (
        [HD, {"name": "b", "output": {"poster_time": "9s"}}],
        "outputs[1].output.poster_time: must be less than",
    ),
    "a GIF in a stream": (
        [HD, {"name": "b", "output": {"container": "CONTAINER_GIF", "streaming": {"hls": True}}}],
        "outputs[1].output.streaming: must be omitted: GIF cannot be streamed, only MP4",
    ),
    "two shapes in a stream": (
        [
            {"name": "a", "output": {"streaming": {"hls": True}}},
            {"name": "b", "output": {"aspect_ratio": "ASPECT_RATIO_1_1", "streaming": {"hls": True}}},
        ],
        "outputs[1].output.streaming: must be omitted: the shape 1080 × 1080 is not that of outputs[0].output",
    ),
    "segments of half seconds": (
        [{"name": "a", "output": {"streaming": {"dash": True, "segment_duration": "2.5s"}}}],
        "outputs[0].output.streaming.segment_duration: must be whole seconds, 2 to 10",
    ),
    "languages of its own": (
        [{"name": "b", "output": {"audio_languages": [{"language": "de"}]}}],
        "outputs[0].output.audio_languages: must be omitted",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_wrong_with_an_output_is_named(service: Service, case: str) -> None:
    outputs, fault = REFUSED[case]
    shots = [{"id": "one", "caption": "One", "duration": "1s"}]
    for dry_run in (False, True):
        request = pb.StartRenderRequest(
            workspace_id=service.workspace,
            project=project_message(storyboard={"shots": shots}),
            outputs=named(*outputs),
            dry_run=dry_run,
        )
        error = await refusal(service.stubs.renders.StartRender(request))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert fault in error.message


async def test_one_output_and_several_exclude_each_other(service: Service) -> None:
    request = pb.StartRenderRequest(
        workspace_id=service.workspace,
        project=project_message(),
        output=output_pb2.OutputOptions(),
        outputs=named(HD),
    )
    error = await refusal(service.stubs.renders.StartRender(request))
    assert "outputs: must be omitted where output is given" in error.message
