"""Watches over HTTP: server-sent events that resume, end with the end, and say why they fail."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from render_client.v1 import render_service_pb2 as pb

from tests.integration.server.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Events:
    """The events of a response, read as the HTML standard says."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def next(self) -> tuple[str, Any] | None:
        """Return the kind and the data of the next event; None at the end of the stream."""
        kind, data = "message", ""
        async for line in self._lines:
            if line.startswith(":"):
                continue
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                self.last_id = value
            elif name == "data":
                data += value
            elif not line and data:
                return kind, json.loads(data)
        return None

    async def rest(self) -> list[tuple[str, Any]]:
        """Return all events until the end of the stream."""
        found = []
        while (event := await self.next()) is not None:
            found.append(event)
        return found


@asynccontextmanager
async def watch(http: httpx.AsyncClient, path: str, last_id: str = "") -> AsyncIterator[Events]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield Events(response)


async def test_ends_with_the_end_of_the_job(service: Service, http: httpx.AsyncClient) -> None:
    job = await service.start()
    async with watch(http, f"/jobs/{job.job_id}/events") as events:
        first = await events.next()
        assert first is not None
        kind, event = first
        assert (kind, event["status"], events.last_id) == ("update", "JOB_STATUS_PENDING", event["sequence"])
        await service.finish(job.job_id)
        rest = await events.rest()
    assert [kind for kind, _ in rest][-1] == "end"
    assert rest[-1][1]["status"] == "JOB_STATUS_COMPLETED"
    sequences = [int(event["sequence"]) for _, event in [first, *rest]]
    assert sequences == sorted(set(sequences))


async def test_resumes_after_the_last_event(service: Service, http: httpx.AsyncClient) -> None:
    job = await service.start()
    await service.stubs.renders.CancelJob(_of(service, job.job_id))
    async with watch(http, f"/jobs/{job.job_id}/events", last_id="1") as events:
        rest = await events.rest()
    assert [(kind, event["status"]) for kind, event in rest] == [("end", "JOB_STATUS_CANCELLED")]
    again = await http.get(f"/jobs/{job.job_id}/events", headers={"Last-Event-ID": events.last_id})
    assert again.status_code == 204  # at which browsers stop


async def test_a_watch_behind_the_end_of_a_batch_has_no_content_and_behind_its_last_row_the_end(
    service: Service, http: httpx.AsyncClient
) -> None:
    project = {"title": "A", "storyboard": {"shots": [{"id": "one", "caption": "One", "duration": "1s"}]}}
    started = await http.post("/batches", json={"render": {"project": project}, "rows": [{}]})
    path, ids = f"/batches/{started.json()['batch']['batch_id']}", dict[str, str]()
    async with watch(http, f"{path}/events") as events:
        assert (await http.post(f"{path}:cancel", json={})).status_code == 200
        while (event := await events.next()) is not None:
            ids[event[0]] = events.last_id
    again = await http.get(f"{path}/events", headers={"Last-Event-ID": ids["end"]})
    assert again.status_code == 204
    last_row = ids["end"].removesuffix(".end")
    found = await http.get(f"{path}/events", headers={"Last-Event-ID": last_row})
    assert (found.status_code, found.text.count("event: end")) == (200, 1)
    found = await http.get(f"{path}/events", params={"cursor": ids["end"]})
    assert (found.status_code, found.text.count("event: end")) == (200, 1)


async def test_a_resumed_watch_with_nothing_new_is_open(service: Service, http: httpx.AsyncClient) -> None:
    job = await service.start()
    async with watch(http, f"/jobs/{job.job_id}/events", last_id="1") as events:
        await service.stubs.renders.CancelJob(_of(service, job.job_id))
        assert [kind for kind, _ in await events.rest()] == ["end"]


@pytest.mark.parametrize(("last_id", "field"), [("soon", "Last-Event-ID"), ("-1", "Last-Event-ID")])
async def test_an_id_of_no_event_is_refused(
    last_id: str, field: str, service: Service, http: httpx.AsyncClient
) -> None:
    job = await service.start()
    answer = await http.get(f"/jobs/{job.job_id}/events", headers={"Last-Event-ID": last_id})
    assert answer.status_code == 400
    assert answer.json()["details"][1]["field_violations"][0]["field"] == field


async def test_what_a_watch_is_refused_for_has_its_status(service: Service, http: httpx.AsyncClient) -> None:
    missing = await http.get(f"/jobs/{uuid4()}/events")
    assert (missing.status_code, missing.json()["details"][0]["reason"]) == (404, "JOB_NOT_FOUND")
    job = await service.start()
    future = await http.get(f"/jobs/{job.job_id}/events", headers={"Last-Event-ID": "999"})
    assert (future.status_code, future.json()["details"][0]["reason"]) == (400, "SEQUENCE_IN_FUTURE")
    assert (await http.get("/events", params={"cursor": "forged"})).status_code == 400


async def test_a_watch_of_a_deleted_job_says_so(service: Service, http: httpx.AsyncClient) -> None:
    job = await service.start()
    async with watch(http, f"/jobs/{job.job_id}/events") as events:
        await events.next()
        await service.stubs.renders.CancelJob(_of(service, job.job_id))
        end = await events.next()
        assert end is not None
        assert end[0] == "end"
        assert await events.next() is None


async def test_watches_a_workspace_and_resumes_it(service: Service, http: httpx.AsyncClient) -> None:
    first = await service.start()
    async with watch(http, "/events?from_oldest=true") as events:
        event = await events.next()
        assert event is not None
        assert event[1]["job_id"] == first.job_id
        cursor = events.last_id
    second = await service.start()
    # A browser repeats the URL, and adds the id of the last event.
    async with watch(http, "/events?from_oldest=true", last_id=cursor) as events:
        event = await events.next()
        assert event is not None
        assert (event[0], event[1]["job_id"]) == ("update", second.job_id)


async def test_heartbeats_move_the_place_in_a_workspace(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/events") as response:
        lines = response.aiter_lines()
        async with asyncio.timeout(60):
            seen = [await anext(lines) for _ in range(3)]
    assert seen[0].startswith("id: ")
    assert seen[1:] == [": heartbeat", ""]


def _of(service: Service, job_id: str) -> pb.CancelJobRequest:
    return pb.CancelJobRequest(workspace_id=service.workspace, job_id=job_id)
