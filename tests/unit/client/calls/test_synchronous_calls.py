"""The synchronous client's own decisions, call by call: what it sends, when it sends it again, when it stops."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc_testing
import pytest
from render_client import NotFoundError, RenderClient, RetryPolicy, UnavailableError
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    job_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

PATIENCE = RetryPolicy(first_delay=0.001, longest_delay=0.002, call_attempts=3)
RENDERS = render_service_pb2.DESCRIPTOR.services_by_name["RenderService"]
PROJECTS = project_service_pb2.DESCRIPTOR.services_by_name["ProjectService"]
WEBHOOKS = webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"]
BRANDS = brand_service_pb2.DESCRIPTOR.services_by_name["BrandService"]
BATCHES = batch_service_pb2.DESCRIPTOR.services_by_name["BatchService"]
LOST = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Takes the client's calls and lets the test answer them."""
    channel = grpc_testing.channel([RENDERS, PROJECTS, WEBHOOKS, BRANDS, BATCHES], grpc_testing.strict_real_time())
    monkeypatch.setattr(grpc, "insecure_channel", lambda target, options: channel)
    return channel


@pytest.fixture
def client(channel: Any) -> Iterator[RenderClient]:
    client = RenderClient("127.0.0.1:1", token="a-token", retry=PATIENCE)
    yield client
    client.close()


@pytest.fixture
def caller() -> Iterator[ThreadPoolExecutor]:
    """A thread for the client, which waits for its answers."""
    with ThreadPoolExecutor(1) as caller:
        yield caller


def answer(channel: Any, name: str, response: Any, code: grpc.StatusCode = grpc.StatusCode.OK) -> Any:
    """Answer the next call of a method, and return its request."""
    metadata, request, call = channel.take_unary_unary(RENDERS.methods_by_name[name])
    assert ("authorization", "Bearer a-token") in metadata
    call.send_initial_metadata(())
    call.terminate(response, (), code, "")
    return request


def test_a_start_is_repeated_word_for_word_until_it_is_answered(
    channel: Any, client: RenderClient, caller: ThreadPoolExecutor
) -> None:
    started = caller.submit(client.start, project_id="p", variables={"city": "Oslo"})
    lost = [answer(channel, "StartRender", None, LOST) for _ in range(2)]
    job = job_pb2.Job(job_id="j")
    last = answer(channel, "StartRender", render_service_pb2.StartRenderResponse(job=job))
    assert started.result() == job
    assert lost == [last, last]
    assert last.request_id


def test_a_call_is_given_up_after_so_many_tries(channel: Any, client: RenderClient, caller: ThreadPoolExecutor) -> None:
    got = caller.submit(client.get, "j")
    for _ in range(3):
        answer(channel, "GetJob", None, LOST)
    with pytest.raises(UnavailableError):
        got.result()


def test_a_refusal_is_not_repeated(channel: Any, client: RenderClient, caller: ThreadPoolExecutor) -> None:
    got = caller.submit(client.get, "j")
    answer(channel, "GetJob", None, grpc.StatusCode.NOT_FOUND)
    with pytest.raises(NotFoundError):
        got.result()


@pytest.mark.parametrize("name", ["delete_job", "delete_project"])
def test_what_may_have_been_done_already_is_not_sent_again(
    channel: Any, client: RenderClient, caller: ThreadPoolExecutor, name: str
) -> None:
    deleted = caller.submit(getattr(client, name), "x")
    service, rpc = (RENDERS, "DeleteJob") if name == "delete_job" else (PROJECTS, "DeleteProject")
    _, _, call = channel.take_unary_unary(service.methods_by_name[rpc])
    call.send_initial_metadata(())
    call.terminate(None, (), LOST, "")
    with pytest.raises(UnavailableError):
        deleted.result()


def test_a_watch_resumes_after_the_last_event_and_ends_with_the_terminal_one_alone(
    channel: Any, client: RenderClient, caller: ThreadPoolExecutor
) -> None:
    seen: list[int] = []
    watched = caller.submit(lambda: seen.extend(event.sequence for event in client.watch("j")))
    watching = job_pb2.JOB_STATUS_PROCESSING
    asked = []
    # The second stream repeats an event and ends with OK before the end; the third delivers the end.
    streams = (((3, watching), (5, watching)), ((5, watching), (6, watching)), ((7, job_pb2.JOB_STATUS_COMPLETED),))
    for events, code in zip(streams, (LOST, grpc.StatusCode.OK, grpc.StatusCode.OK), strict=True):
        _, request, call = channel.take_unary_stream(RENDERS.methods_by_name["WatchProgress"])
        asked.append(request.after_sequence if request.HasField("after_sequence") else None)
        call.send_initial_metadata(())
        for sequence, status in events:
            event = job_pb2.JobEvent(sequence=sequence, status=status)
            call.send_response(render_service_pb2.WatchProgressResponse(event=event))
        while seen[-1:] != [events[-1][0]]:  # grpcio-testing forgets what was not read before the end
            time.sleep(0.001)
        call.terminate((), code, "")
    watched.result()
    assert seen == [3, 5, 6, 7]
    assert asked == [None, 5, 6]
