"""The Connect protocol: what its clients send and expect, in JSON and in protobuf."""

import asyncio
import json
import struct
from base64 import b64decode
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2
from render_client.v1 import job_pb2
from render_client.v1 import render_service_pb2 as pb

from tests.integration.server.conftest import Service, project_message

pytestmark = pytest.mark.asyncio(loop_scope="module")
RPC = "/render.v1.RenderService"
JSON, PROTO = {"Content-Type": "application/json"}, {"Content-Type": "application/proto"}


def enveloped(data: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(data)) + data


def envelopes(data: bytes) -> list[tuple[int, bytes]]:
    """Return the flags and the content of each envelope of a stream."""
    found = []
    while data:
        flags, size = struct.unpack_from(">BI", data)
        found.append((flags, data[5 : 5 + size]))
        data = data[5 + size :]
    return found


async def post(service: Service, method: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=service.http_url, trust_env=False, timeout=60) as client:
        return await client.post(f"{RPC}/{method}", content=content, headers=headers)


async def test_unary_calls_in_json_and_in_protobuf(service: Service) -> None:
    request = pb.StartRenderRequest(workspace_id=service.workspace, project=project_message())
    started = await post(service, "StartRender", json_format.MessageToJson(request).encode(), JSON)
    assert (started.status_code, started.headers["Content-Type"]) == (200, "application/json")
    job_id = started.json()["job"]["jobId"]
    get = pb.GetJobRequest(workspace_id=service.workspace, job_id=job_id)
    found = await post(service, "GetJob", get.SerializeToString(), PROTO)
    assert found.headers["Content-Type"] == "application/proto"
    assert pb.GetJobResponse.FromString(found.content).job.job_id == job_id


async def test_errors_have_their_code_and_details(service: Service) -> None:
    body = json.dumps({"workspaceId": service.workspace, "jobId": str(uuid4())}).encode()
    missing = await post(service, "GetJob", body, JSON)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    detail = missing.json()["details"][0]
    assert detail["type"] == "google.rpc.ErrorInfo"
    value = b64decode(detail["value"] + "=" * (-len(detail["value"]) % 4))
    assert error_details_pb2.ErrorInfo.FromString(value).reason == "JOB_NOT_FOUND"


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b'{"nonsense": 1}', JSON, 400),
        (b"\xff\xff\xff", PROTO, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "application/grpc-web+proto"}, 415),
    ],
)
async def test_unary_calls_that_are_refused(
    content: bytes, headers: dict[str, str], status: int, service: Service
) -> None:
    answer = await post(service, "ListJobs", content, headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message", "details"}


@pytest.mark.parametrize("kind", ["json", "proto"])
async def test_a_watch_is_a_stream_of_envelopes(kind: str, service: Service) -> None:
    job = await service.start()
    request = pb.WatchProgressRequest(workspace_id=service.workspace, job_id=job.job_id)
    is_json = kind == "json"
    data = json_format.MessageToJson(request).encode() if is_json else request.SerializeToString()
    headers = {"Content-Type": f"application/connect+{kind}", "Connect-Protocol-Version": "1"}
    watching = asyncio.create_task(post(service, "WatchProgress", enveloped(data), headers))
    cancel = pb.CancelJobRequest(workspace_id=service.workspace, job_id=job.job_id)
    await service.stubs.renders.CancelJob(cancel)
    answer = await watching
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"application/connect+{kind}")
    *messages, (flags, end) = envelopes(answer.content)
    assert (flags, json.loads(end)) == (2, {})
    updates: list[Any] = [
        json_format.Parse(each, pb.WatchProgressResponse()) if is_json else pb.WatchProgressResponse.FromString(each)
        for _, each in messages
    ]
    assert updates[-1].event.status == job_pb2.JOB_STATUS_CANCELLED


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", enveloped(b"{}", flags=1), enveloped(b"{}", flags=2), enveloped(b"{}") * 2, enveloped(b"{}")[:-1]],
)
async def test_streams_whose_request_is_no_envelope_end_with_an_error(body: bytes, service: Service) -> None:
    answer = await post(service, "WatchProgress", body, {"Content-Type": "application/connect+json"})
    ((flags, end),) = envelopes(answer.content)
    assert (answer.status_code, flags) == (200, 2)
    assert json.loads(end)["error"]["code"] in ("invalid_argument", "unimplemented")


async def test_a_watch_of_no_job_ends_with_its_error(service: Service) -> None:
    body = json.dumps({"workspaceId": service.workspace, "jobId": str(uuid4())}).encode()
    answer = await post(service, "WatchProgress", enveloped(body), {"Content-Type": "application/connect+json"})
    ((_, end),) = envelopes(answer.content)
    assert json.loads(end)["error"]["code"] == "not_found"


async def test_another_type_is_refused_with_those_that_a_stream_takes(service: Service) -> None:
    answer = await post(service, "WatchProgress", b"{}", JSON)
    assert answer.status_code == 415
    assert "application/connect+proto" in answer.headers["Accept-Post"]
