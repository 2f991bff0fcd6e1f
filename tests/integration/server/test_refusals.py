"""Whatever is wrong with a call, its error names all of it for programs, and nothing internal."""

from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from render_client.v1 import project_pb2
from render_client.v1 import project_service_pb2 as projects_pb
from render_client.v1 import render_service_pb2 as pb

from tests.integration.server.conftest import Service, project_message
from tests.integration.server.status import refusal
from tests.serving import Stubs

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOO_LONG = "601s"
CLIP = "https://example.com/clip.mp4"
TOO_MANY = [{"id": f"s{n}", "caption": "x"} for n in range(201)]


async def faults_of(call: Awaitable[Any]) -> dict[str, str]:
    """The wrong fields that a refused call names, with what is wrong about them."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(error.value)  # type: ignore[arg-type]  # it has all that is asked of a call
    assert status is not None
    found, info = error_details_pb2.BadRequest(), error_details_pb2.ErrorInfo()
    for packed in status.details:
        packed.Unpack(found)
        packed.Unpack(info)
    assert info.reason == "INVALID_FIELD"
    fields = {violation.field: violation.description for violation in found.field_violations}
    assert info.metadata["fields"].split(",") == list(fields)
    assert all(fields.values())
    return fields


def start(service: Service, **fields: object) -> Awaitable[Any]:
    message = {"workspaceId": service.workspace} | fields
    request = json_format.ParseDict(message, pb.StartRenderRequest())
    return service.stubs.renders.StartRender(request)


def of_shots(*shots: dict[str, object]) -> dict[str, object]:
    return {"storyboard": {"shots": list(shots)}}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"source"}),
        ({"project": {}}, {"project.storyboard.shots"}),
        ({"project": {"storyboard": {"shots": TOO_MANY}}}, {"project.storyboard.shots"}),
        ({"project": of_shots({"duration": "0s"})}, {"project.storyboard.shots[0].duration"}),
        ({"project": of_shots({"duration": "-1s"})}, {"project.storyboard.shots[0].duration"}),
        ({"project": of_shots({}, {"duration": TOO_LONG})}, {"project.storyboard.shots[1].duration"}),
        ({"project": of_shots({"id": "a b"})}, {"project.storyboard.shots[0].id"}),
        ({"project": of_shots({"id": "a"}, {"id": "a"})}, {"project.storyboard.shots[1].id"}),
        ({"project": of_shots({"caption": "x" * 1_001})}, {"project.storyboard.shots[0].caption"}),
        ({"project": of_shots({"narration": "x" * 4_001})}, {"project.storyboard.shots[0].narration"}),
        ({"project": of_shots({}) | {"title": "x" * 201}}, {"project.title"}),
        ({"project": of_shots({}) | {"script": "x" * 50_001}}, {"project.script"}),
        ({"project": of_shots({"imageUri": "ftp://example.com/a.png"})}, {"project.storyboard.shots[0].image_uri"}),
        ({"project": of_shots({"imageUri": "http://example.com/a.png"})}, {"project.storyboard.shots[0].image_uri"}),
        ({"project": of_shots({"clipUri": "javascript:alert(1)"})}, {"project.storyboard.shots[0].clip_uri"}),
        ({"project": of_shots({"imageUri": "file:///etc/passwd"})}, {"project.storyboard.shots[0].image_uri"}),
        ({"project": of_shots({}) | {"music": {"uri": "gopher://x/y"}}}, {"project.music.uri"}),
        ({"project": of_shots({}) | {"targetDuration": "0s"}}, {"project.target_duration"}),
        ({"project": of_shots({}), "provider": "sora"}, {"provider"}),
        ({"project": of_shots({}), "requestId": "42"}, {"request_id"}),
        ({"projectId": "42"}, {"project_id"}),
        ({"project": of_shots({}), "workspaceId": ""}, {"workspace_id"}),
        ({"project": of_shots({}), "workspaceId": "Team A"}, {"workspace_id"}),
        ({"project": of_shots({}), "output": {"fps": 7}}, {"output.fps"}),
        (
            {"project": of_shots({}), "output": {"container": "CONTAINER_GIF", "codec": "VIDEO_CODEC_AV1"}},
            {"output.codec"},
        ),
        (
            {"project": of_shots({}), "output": {"size": {"width": 3, "height": 9999}}},
            {"output.size.width", "output.size.height"},
        ),
        ({"project": of_shots({}), "speech": {"speed": 9, "language": "!"}}, {"speech.speed", "speech.language"}),
        (
            {"project": of_shots({"narration": "Hi"}), "speech": {"language": "zh"}},
            {"project.storyboard.shots[0].translations"},
        ),
        (
            {"project": of_shots({"translations": [{"language": "zh"}, {"language": "ZH"}, {}]})},
            {f"project.storyboard.shots[0].translations[{index}].language" for index in (1, 2)},
        ),
        ({"project": of_shots({}) | {"captions": {"fromAudio": True}}}, {"project.captions.from_audio"}),
        (
            {"project": of_shots({"clipUri": CLIP, "clipSound": False}) | {"captions": {"fromAudio": True}}},
            {"project.captions.from_audio"},
        ),
        (
            {"project": of_shots({"clipUri": CLIP}) | {"language": "tlh", "captions": {"fromAudio": True}}},
            {"project.language"},
        ),
        (
            {
                "project": of_shots({"narrationAudioUri": CLIP, "speech": {"language": "tlh"}})
                | {"captions": {"fromAudio": True}}
            },
            {"project.storyboard.shots[0].speech.language"},
        ),
        ({"project": of_shots({}), "labels": {"A": "x"}}, {"labels"}),
        ({"project": of_shots({}), "labels": {"a": "x" * 256}}, {"labels[a]"}),
    ],
)
async def test_bad_input_to_a_start_is_named(service: Service, fields: dict[str, object], wrong: set[str]) -> None:
    assert set(await faults_of(start(service, **fields))) == wrong
    listed = await service.stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id=service.workspace))
    assert not listed.jobs


async def test_all_wrong_fields_are_named_at_once_in_the_order_of_the_request(service: Service) -> None:
    call = start(
        service,
        workspaceId="no such id",
        project=of_shots({"duration": "-1s", "imageUri": "ftp://x/y"}, {"id": "!"}) | {"targetDuration": "-1s"},
        provider="sora",
        output={"fps": 7},
        requestId="42",
        labels={"K": "v"},
    )
    assert list(await faults_of(call)) == [
        "workspace_id",
        "project.target_duration",
        "project.storyboard.shots[0].duration",
        "project.storyboard.shots[0].image_uri",
        "project.storyboard.shots[1].id",
        "provider",
        "output.fps",
        "labels",
        "request_id",
    ]


async def test_a_request_with_a_thousand_faults_is_still_answered_with_its_faults(service: Service) -> None:
    shot: dict[str, object] = {"id": "!" * 90, "duration": "-1s", "imageUri": "x" * 3_000, "caption": "界" * 2_000}
    found = await faults_of(start(service, project=of_shots(*[shot] * 200)))
    assert len(found) > 5
    assert "more" in list(found.values())[-1]


@pytest.mark.parametrize("text", ["a\0b", "\0"])
async def test_characters_that_no_store_takes_are_a_fault_of_the_field(service: Service, text: str) -> None:
    found = await faults_of(start(service, project=of_shots({"caption": text}) | {"title": text}))
    assert set(found) == {"project.title", "project.storyboard.shots[0].caption"}
    request = projects_pb.UpdateProjectRequest(
        workspace_id=service.workspace, project=project_message(projectId=str(uuid4()), etag=text)
    )
    error = await refusal(service.stubs.projects.UpdateProject(request))
    assert error.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


def job_calls(stubs: Stubs, workspace: str, job_id: str) -> dict[str, Awaitable[Any]]:
    """Every RPC that names a job."""

    async def read(stream: Any) -> None:
        async for _ in stream:
            pass

    given: Any = {"workspace_id": workspace, "job_id": job_id}
    return {
        "GetJob": stubs.renders.GetJob(pb.GetJobRequest(**given)),
        "CancelJob": stubs.renders.CancelJob(pb.CancelJobRequest(**given)),
        "WatchProgress": read(stubs.renders.WatchProgress(pb.WatchProgressRequest(**given))),
        "CreateDownloadUrl": stubs.renders.CreateDownloadUrl(pb.CreateDownloadUrlRequest(**given)),
        "DownloadVideo": read(stubs.renders.DownloadVideo(pb.DownloadVideoRequest(**given))),
    }


async def test_what_is_absent_and_what_is_another_workspaces_get_the_same_answer(service: Service) -> None:
    job = await service.start()
    absent = str(uuid4())
    answers = []
    for workspace, job_id in (("stranger", job.job_id), (service.workspace, absent)):
        errors = {name: await refusal(call) for name, call in job_calls(service.stubs, workspace, job_id).items()}
        for answer in errors.values():
            assert (answer.code, answer.reason) == (grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND")
            assert answer.metadata == {"job_id": job_id}
        answers.append({name: answer.message for name, answer in errors.items()})
    assert answers[0] == answers[1]


async def test_ids_that_are_none_are_named_by_every_call(service: Service) -> None:
    for call in job_calls(service.stubs, "No Workspace", "42").values():
        assert set(await faults_of(call)) == {"workspace_id", "job_id"}


async def test_streams_name_all_their_wrong_fields_at_once(service: Service) -> None:
    async def read(stream: Any) -> None:
        async for _ in stream:
            pass

    watch = pb.WatchProgressRequest(workspace_id="", job_id="", after_sequence=-1)
    assert set(await faults_of(read(service.stubs.renders.WatchProgress(watch)))) == {
        "after_sequence",
        "workspace_id",
        "job_id",
    }
    download = pb.DownloadVideoRequest(workspace_id="", job_id="", offset=-1, artifact=99)  # type: ignore[arg-type]
    assert set(await faults_of(read(service.stubs.renders.DownloadVideo(download)))) == {
        "offset",
        "artifact",
        "workspace_id",
        "job_id",
    }


async def test_lists_name_all_their_wrong_fields_at_once(service: Service) -> None:
    unknown: Any = [99, 0]
    request = pb.ListJobsRequest(
        workspace_id="",
        page_size=-1,
        statuses=unknown,
        project_id="x",
        labels={"K": ""},
    )
    found = await faults_of(service.stubs.renders.ListJobs(request))
    assert set(found) == {"workspace_id", "page_size", "statuses[0]", "statuses[1]", "project_id", "labels"}


async def test_a_stored_project_that_is_absent_or_cannot_be_rendered_yet_is_refused(service: Service) -> None:
    error = await refusal(start(service, projectId=str(uuid4())))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND")
    request = projects_pb.CreateProjectRequest(
        workspace_id=service.workspace, project=project_pb2.Project(title="only a title")
    )
    project = (await service.stubs.projects.CreateProject(request)).project
    assert set(await faults_of(start(service, projectId=project.project_id))) == {"project.storyboard.shots"}


async def test_a_project_is_not_spoken_by_a_voice_that_does_not_exist(service: Service) -> None:
    project = of_shots({"narration": "Hello"}) | {"speech": {"voice": "af_hart"}}
    assert set(await faults_of(start(service, project=project))) == {"project.speech.voice"}


async def test_a_provider_without_its_key_is_refused_with_the_missing_setting(service: Service) -> None:
    for provider, setting in (("runway", "RUNWAYML_API_KEY"), ("pika", "PIKA_API_KEY")):
        error = await refusal(start(service, project=of_shots({"visualDescription": "a"}), provider=provider))
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PROVIDER_NOT_CONFIGURED")
        assert error.metadata == {"provider": provider, "setting": setting}


async def test_a_fault_of_the_service_returns_an_id_for_its_log_and_nothing_else(service: Service) -> None:
    job = await service.start()
    async with service.database.single() as connection:
        await connection.execute(
            sa.text("""UPDATE jobs SET raw_results = '{"secret": "in the row"}' WHERE id = CAST(:id AS uuid)"""),
            {"id": job.job_id},
        )
    for call in (
        service.get(job.job_id),
        service.stubs.renders.ListJobs(pb.ListJobsRequest(workspace_id=service.workspace)),
    ):
        error = await refusal(call)
        assert (error.code, error.reason, error.message) == (grpc.StatusCode.INTERNAL, "INTERNAL", "an internal fault")
        assert set(error.metadata) == {"request_id"}
        for internal in (b"secret", b"raw_results", b"pydantic", b"validation", b".py"):
            assert internal not in error.raw


async def test_health_answers_checks_and_watches(service: Service) -> None:
    health: Any = health_pb2_grpc.HealthStub(service.stubs.channel)
    for name in ("", "render.v1.RenderService", "render.v1.ProjectService"):
        request = health_pb2.HealthCheckRequest(service=name)
        assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
        stream = health.Watch(request)
        answer = await stream.read()
        assert isinstance(answer, health_pb2.HealthCheckResponse)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stream.cancel()
