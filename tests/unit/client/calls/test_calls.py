"""Both clients' plain calls: what they send, what they give back, when they try again, how they refuse."""

from itertools import count
from typing import cast

import grpc
import pytest
from render_client import (
    ConflictError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    RenderClient,
    RenderError,
    RetryPolicy,
    UnavailableError,
)
from render_client.v1 import project_pb2, project_service_pb2, render_service_pb2

from tests.unit.client.fake_server import FakeServer, Line
from tests.unit.client.fake_service import FakeService, refusal

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def test_every_call_carries_the_token_also_on_a_plaintext_line(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    client.get(job_id)
    list(client.list())
    service.run_to_end(job_id)
    client.wait(job_id)
    assert service.tokens == ["Bearer a-token"] * 4


_SPANS = count(1)


def open_span() -> list[tuple[str, str]]:
    """What a caller that traces would send along: another span each time."""
    return [("traceparent", f"span-{next(_SPANS)}")]


@pytest.mark.parametrize("metadata", [open_span])
def test_the_caller_is_asked_for_metadata_before_every_call_and_try(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    service.refusals["GetJob"] = [refusal(UNAVAILABLE, "no store", "STORE_UNAVAILABLE")]
    client.get(job_id)
    service.run_to_end(job_id)
    client.wait(job_id)
    first = int(service.traces[0].removeprefix("span-"))
    assert service.traces == [f"span-{first + number}" for number in range(4)]
    assert service.tokens == ["Bearer a-token"] * 4


def test_start_gives_a_request_id_and_keeps_it_over_retries(client: RenderClient, service: FakeService) -> None:
    service.refusals["StartRender"] = [refusal(UNAVAILABLE, "no store", "STORE_UNAVAILABLE")] * 2
    job = client.start(project_pb2.Project(title="a"), provider="mock", labels={"team": "x"})
    assert len(service.calls["StartRender"]) == 3
    assert len({request.SerializeToString(deterministic=True) for request in service.calls["StartRender"]}) == 1
    assert job.request_id
    assert (job.provider, dict(job.labels)) == ("mock", {"team": "x"})
    assert len(service.jobs) == 1


def test_start_sends_variables_priority_and_provider_options(client: RenderClient, service: FakeService) -> None:
    options = render_service_pb2.ProviderOptions(model="gen4_turbo")
    client.start(project_id="p", variables={"city": "Oslo"}, priority=-3, provider_options=options)
    (sent,) = service.calls["StartRender"]
    assert isinstance(sent, render_service_pb2.StartRenderRequest)
    assert (dict(sent.variables), sent.priority, sent.provider_options) == ({"city": "Oslo"}, -3, options)


def test_an_estimate_starts_nothing(client: RenderClient, service: FakeService) -> None:
    estimate = client.estimate(project_pb2.Project(), provider="runway", variables={"city": "Oslo"})
    assert [cost.unit for cost in estimate.cost] == ["runway-credits"]
    assert not service.jobs


def test_an_estimate_takes_what_a_start_takes_of_speech(client: RenderClient, service: FakeService) -> None:
    speech = project_pb2.Speech(language="zh")
    client.estimate(project_pb2.Project(), speech_provider="custom", speech=speech)
    [sent] = service.calls["StartRender"]
    assert cast("render_service_pb2.StartRenderRequest", sent).speech == speech


def test_a_deleted_job_is_gone(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    client.delete_job(job_id)
    with pytest.raises(NotFoundError):
        client.delete_job(job_id)


def test_a_project_is_deleted_with_its_jobs_only_when_that_is_said(client: RenderClient, service: FakeService) -> None:
    for also in (False, True):
        client.delete_project(client.create_project(project_pb2.Project()).project_id, delete_jobs=also)
    sent = [cast("project_service_pb2.DeleteProjectRequest", call) for call in service.calls["DeleteProject"]]
    assert [call.delete_jobs for call in sent] == [False, True]


def test_the_same_request_id_gives_the_same_job(client: RenderClient) -> None:
    request_id = "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"
    first = client.start(project_id="p", request_id=request_id)
    assert client.start(project_id="p", request_id=request_id).job_id == first.job_id


@pytest.mark.parametrize("source", [{}, {"project": project_pb2.Project(), "project_id": "p"}])
def test_start_takes_either_a_project_or_an_id(client: RenderClient, source: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either"):
        client.start(**source)  # type: ignore[arg-type]


def test_list_walks_all_pages(client: RenderClient, service: FakeService) -> None:
    ids = [service.new_job() for _ in range(5)]
    assert [job.job_id for job in client.list()] == ids
    service.run_to_end(ids[1])
    assert [job.job_id for job in client.list(statuses=["COMPLETED"])] == [ids[1]]


def test_cancelling_twice_gives_the_ended_job(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    assert client.cancel(job_id) == client.cancel(job_id) == client.get(job_id)


def test_projects_can_be_kept(client: RenderClient) -> None:
    first = client.create_project(project_pb2.Project(title="one"))
    second = client.create_project(project_pb2.Project(title="two"))
    assert client.get_project(first.project_id).title == "one"
    first.title = "changed"
    client.update_project(first)
    assert [project.title for project in client.list_projects()] == ["changed", "two"]
    client.delete_project(second.project_id)
    assert [project.title for project in client.list_projects()] == ["changed"]


def test_what_is_not_safe_to_repeat_is_sent_once(client: RenderClient, service: FakeService) -> None:
    service.refusals["CreateProject"] = [refusal(UNAVAILABLE, "no store", "STORE_UNAVAILABLE")]
    with pytest.raises(UnavailableError):
        client.create_project(project_pb2.Project())
    assert len(service.calls["CreateProject"]) == 1


def test_an_error_holds_reason_metadata_and_fields(client: RenderClient, service: FakeService) -> None:
    faults = {"project.storyboard.shots[2].duration": "must be above 0", "provider": "unknown"}
    service.refusals["StartRender"] = [
        refusal(
            grpc.StatusCode.INVALID_ARGUMENT, "two faults", "INVALID_FIELD", metadata={"fields": "a,b"}, faults=faults
        )
    ]
    with pytest.raises(InvalidRequestError) as refused:
        client.start(project_id="p")
    error = refused.value
    assert (str(error), error.reason, error.metadata) == ("two faults", "INVALID_FIELD", {"fields": "a,b"})
    assert {fault.field: fault.description for fault in error.field_faults} == faults
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("code", "kind"), [(grpc.StatusCode.NOT_FOUND, NotFoundError), (grpc.StatusCode.ABORTED, ConflictError)]
)
def test_a_refusal_is_not_tried_again(
    client: RenderClient, service: FakeService, code: grpc.StatusCode, kind: type[RenderError]
) -> None:
    service.refusals["GetJob"] = [refusal(code, "no", "SOME_REASON")] * 2
    with pytest.raises(kind):
        client.get("x")
    assert len(service.calls["GetJob"]) == 1


def test_a_foreign_reason_is_not_taken_for_the_services_own(client: RenderClient, service: FakeService) -> None:
    status = refusal(grpc.StatusCode.PERMISSION_DENIED, "a proxy says no", "RATE_LIMITED")
    status.details[0].value = status.details[0].value.replace(b"render.v1", b"proxy.com")
    service.refusals["GetJob"] = [status]
    with pytest.raises(RenderError) as refused:
        client.get("x")
    assert refused.value.reason == ""


def test_a_call_is_tried_again_when_the_line_breaks(client: RenderClient, service: FakeService, line: Line) -> None:
    job_id = service.new_job()
    client.get(job_id)
    line.cut()
    assert client.get(job_id).job_id == job_id


def test_an_absent_server_is_an_error_within_the_deadline() -> None:
    with (
        RenderClient("127.0.0.1:9", retry=RetryPolicy(first_delay=0.01), timeout=5) as client,
        pytest.raises(UnavailableError),
    ):
        client.get("x")


def test_a_server_that_does_not_answer_is_a_deadline_error(server: FakeServer, service: FakeService) -> None:
    with RenderClient(f"127.0.0.1:{server.port}", timeout=0.2) as client, service.changed:
        job_id = service.new_job()
        with pytest.raises(DeadlineError):
            # The service takes this lock, which the test holds, to cancel.
            client.cancel(job_id)


def test_does_not_wait_for_a_retry_beyond_the_deadline(client: RenderClient, service: FakeService) -> None:
    service.refusals["GetJob"] = [refusal(UNAVAILABLE, "shutting down", "SHUTTING_DOWN", retry_after=100)]
    with pytest.raises(UnavailableError) as refused:
        # 100 s are more than the call's deadline, so there is no use in waiting.
        client.get("x")
    assert refused.value.retry_after == 100
