"""JSON over HTTP: every RPC has its path, and answers as over gRPC."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.protobuf import json_format

from tests.integration.server.conftest import CONTENT, POSTER, Service, project_message

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROJECT: dict[str, Any] = json_format.MessageToDict(project_message(), preserving_proto_field_name=True)


def reason(response: httpx.Response) -> str:
    """Return the reason of an error."""
    assert response.headers["Content-Type"] == "application/json"
    found: str = response.json()["details"][0]["reason"]
    return found


def faults(response: httpx.Response) -> dict[str, str]:
    """Return the faulty fields of a refused request, and what is wrong with them."""
    assert response.status_code == 400, response.text
    violations = next(each for each in response.json()["details"] if "field_violations" in each)["field_violations"]
    return {violation["field"]: violation["description"] for violation in violations}


async def test_a_job_from_its_start_to_its_files(service: Service, http: httpx.AsyncClient) -> None:
    started = await http.post("/jobs", json={"project": PROJECT, "labels": {"team": "news"}, "priority": 3})
    assert started.status_code == 200, started.text
    job = started.json()["job"]
    assert (job["status"], job["progress"], job["priority"]) == ("JOB_STATUS_PENDING", 0, 3)
    found = await http.get(f"/jobs/{job['job_id']}")
    assert found.json()["job"]["labels"] == {"team": "news"}
    listed = await http.get("/jobs", params={"labels[team]": "news", "page_size": "5", "statuses": "pending"})
    assert [each["job_id"] for each in listed.json()["jobs"]] == [job["job_id"]]
    assert (await http.get("/jobs", params={"labels[team]": "other"})).json()["jobs"] == []
    await service.finish(job["job_id"])
    video = await http.get(f"/jobs/{job['job_id']}/file")
    assert (video.content, video.headers["Content-Type"]) == (CONTENT, "video/mp4")
    poster = await http.get(f"/jobs/{job['job_id']}/file", params={"artifact": "poster"})
    assert (poster.content, poster.headers["Content-Type"]) == (POSTER, "image/jpeg")
    deleted = await http.delete(f"/jobs/{job['job_id']}")
    assert deleted.status_code == 200
    gone = await http.get(f"/jobs/{job['job_id']}")
    assert (gone.status_code, reason(gone)) == (404, "JOB_NOT_FOUND")


async def test_cancels_a_job(service: Service, http: httpx.AsyncClient) -> None:
    job = await service.start()
    cancelled = await http.post(f"/jobs/{job.job_id}:cancel")
    assert cancelled.json()["job"]["status"] == "JOB_STATUS_CANCELLED"


async def test_an_idempotency_key_is_the_request_id(http: httpx.AsyncClient) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(
        *(http.post("/jobs", json={"project": PROJECT}, headers={"Idempotency-Key": key}) for _ in range(8))
    )
    assert len({answer.json()["job"]["job_id"] for answer in answers}) == 1
    other = await http.post("/jobs", json={"project": PROJECT | {"title": "Other"}}, headers={"Idempotency-Key": key})
    assert (other.status_code, reason(other)) == (409, "REQUEST_ID_REUSED")
    refused = await http.post(
        "/jobs", json={"project": PROJECT, "request_id": str(uuid4())}, headers={"Idempotency-Key": key}
    )
    assert faults(refused) == {"request_id": "contradicts the header Idempotency-Key"}


async def test_an_idempotency_key_starts_a_batch_once(http: httpx.AsyncClient) -> None:
    headers, body = {"Idempotency-Key": str(uuid4())}, {"render": {"project": PROJECT}, "rows": [{}]}
    first, second = [await http.post("/batches", json=body, headers=headers) for _ in range(2)]
    assert first.status_code == 200, first.text
    assert first.json()["batch"]["batch_id"] == second.json()["batch"]["batch_id"]


async def test_stored_projects(http: httpx.AsyncClient) -> None:
    created = (await http.post("/projects", json=PROJECT)).json()["project"]
    path = f"/projects/{created['project_id']}"
    changed = await http.put(path, json=created | {"title": "Changed"})
    assert changed.json()["project"]["title"] == "Changed", changed.text
    stale = await http.put(path, json=created | {"title": "Stale"})
    assert (stale.status_code, reason(stale)) == (409, "ETAG_MISMATCH")
    elsewhere = await http.put(f"/projects/{uuid4()}", json=created)
    assert "project.project_id" in faults(elsewhere)
    assert len((await http.get("/projects")).json()["projects"]) == 1
    assert (await http.delete(path)).status_code == 200
    assert (await http.get(path)).status_code == 404


async def test_routes_of_earlier_callers(service: Service, http: httpx.AsyncClient) -> None:
    project_id = (await http.post("/projects", json=PROJECT)).json()["project"]["project_id"]
    base = f"{service.http_url}/api/v1/video/workspaces/{service.workspace}/render"
    started = await http.post(f"{base}/{project_id}")
    assert started.status_code == 202
    assert started.json() == started.json() | {"status": "pending"}
    assert set(started.json()) == {"job_id", "task_id", "status"}
    job_id = started.json()["job_id"]
    await service.finish(job_id)
    found = (await http.get(f"{base}/jobs/{job_id}")).json()
    assert (found["status"], found["progress"], found["stage"]) == ("completed", 100, "")
    assert found["video_urls"] == []  # a store in a folder has no URLs
    missing = await http.get(f"{base}/jobs/{uuid4()}")
    assert (missing.status_code, set(missing.json())) == (404, {"detail"})
    wrong = await http.post(f"{base}/no-uuid")
    assert (wrong.status_code, set(wrong.json())) == (400, {"detail"})
    nowhere = await http.get(f"{service.http_url}/api/v1/video/elsewhere")
    assert (nowhere.status_code, set(nowhere.json())) == (404, {"detail"})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"project": []}, "project"),
        ({"project": {"storyboard": {"shots": [{"id": "a"}, {"idx": 1}]}}}, "project.storyboard.shots[1].idx"),
        ({"project": {"storyboard": {"shots": [{"id": 5}]}}}, "project.storyboard.shots[0].id"),
        ({"project": {"storyboard": {"shots": [None]}}}, "project.storyboard.shots[0]"),
        ({"project": {"storyboard": {"shots": {}}}}, "project.storyboard.shots"),
        ({"project": {"storyboard": {"shots": [{"duration": "2 s"}]}}}, "project.storyboard.shots[0].duration"),
        ({"project": {"storyboard": {"shots": [{"fit": "sideways"}]}}}, "project.storyboard.shots[0].fit"),
        ({"project": {"title": "\ud800"}}, "project.title"),
        ({"project_id": "one"}, "project_id"),
        ({"priority": "high"}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"priority": 2**40}, "priority"),
        ({"priority": True}, "priority"),
        ({"dry_run": "yes"}, "dry_run"),
        ({"dryRun": True, "dry_run": True}, "dry_run"),
        ({"labels": ["a"]}, "labels"),
        ({"labels": {"a": 1}}, "labels[a]"),
        ({"workspace_id": "another"}, "workspace_id"),
        ({"provider_options": {"options": []}}, "provider_options.options"),
    ],
)
async def test_what_is_wrong_is_named(change: dict[str, Any], fault: str, http: httpx.AsyncClient) -> None:
    document = {"project": PROJECT} | change
    if isinstance(change.get("project"), dict):
        document["project"] = PROJECT | change["project"]
    body = json.dumps(document)
    assert fault in faults(await http.post("/jobs", content=body, headers={"Content-Type": "application/json"}))


async def test_all_faults_are_named_at_once(http: httpx.AsyncClient) -> None:
    answer = await http.post("/jobs", json={"project": {"tilte": "A", "language": 1}, "priority": "high"})
    assert list(faults(answer)) == ["project.tilte", "project.language", "priority"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is not JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"priority": NaN}', "NaN"),
        (b'{"priority": 1, "priority": 2}', "twice"),
        (b"\xff\xfe{}", "is not"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"priority": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
async def test_what_is_no_json_object_is_refused(body: bytes, said: str, http: httpx.AsyncClient) -> None:
    answer = await http.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert said in faults(answer)["body"]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("page_size=many", "page_size"),
        ("nonsense=1", "nonsense"),
        ("page_size=1&page_size=2", "page_size"),
        ("page_size=1&pageSize=2", "pageSize"),
        ("labels=a", "labels"),
        ("labels[a]=1&labels[a]=2", "labels[a]"),
        ("statuses=asleep", "statuses[0]"),
        ("page_size[a]=1", "page_size[a]"),
        ("a..b=1", "a..b"),
        ("%00=1", "\0"),
    ],
)
async def test_parameters_that_are_wrong_are_named(query: str, fault: str, http: httpx.AsyncClient) -> None:
    assert fault in faults(await http.get(f"/jobs?{query}"))


async def test_verbs_paths_and_types_that_there_are_not(service: Service, http: httpx.AsyncClient) -> None:
    wrong_verb = await http.patch("/jobs", json={})
    assert (wrong_verb.status_code, set(wrong_verb.headers["Allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})
    assert (await http.get("/nothing")).status_code == 404
    form = await http.post("/jobs", data={"a": "b"})
    assert (form.status_code, form.json()["message"]) == (415, "Content-Type: must be application/json")
    encoded = await http.get(f"/jobs/{'%2F'.join('ab')}")
    assert encoded.status_code == 404
    assert "body" in faults(await http.request("DELETE", f"/jobs/{uuid4()}", json={"a": 1}))


async def test_web_pages_of_other_origins_cannot_call(http: httpx.AsyncClient) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    foreign = await http.options("/jobs", headers=preflight | {"Origin": "https://other.example"})
    assert "Access-Control-Allow-Origin" not in foreign.headers
    own = await http.options("/jobs", headers=preflight | {"Origin": "https://studio.example"})
    assert own.headers["Access-Control-Allow-Origin"] == "https://studio.example"


async def test_describes_itself(service: Service, http: httpx.AsyncClient) -> None:
    described = (await http.get(f"{service.http_url}/openapi.json")).json()
    assert described["openapi"] == "3.1.0"
