"""Both clients' watches: ordered, unique, resumed by themselves, and always complete to the end."""

import itertools
import threading
import time
from dataclasses import replace

import grpc
import pytest
from render_client import (
    ClientClosedError,
    DeadlineError,
    NotFoundError,
    RenderClient,
    RetryPolicy,
    UnavailableError,
    has_ended,
    status_name,
)
from render_client.v1 import job_pb2

from tests.unit.client.conftest import IMPATIENT
from tests.unit.client.fake_server import FakeServer, Line
from tests.unit.client.fake_service import FakeService, refusal


def test_a_watch_delivers_every_change_once_and_ends_with_the_terminal_event(
    client: RenderClient, service: FakeService
) -> None:
    job_id = service.new_job()
    watch = client.watch(job_id)
    first = next(watch)
    service.run_to_end(job_id)
    assert [event.sequence for event in (first, *watch)] == [1, 2, 3, 4, 5, 6]


def test_a_watch_continues_after_the_given_sequence(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id)
    assert [event.sequence for event in client.watch(job_id, after_sequence=3)] == [4, 5, 6]


def test_a_watch_resumes_after_every_cut_without_loss_or_repeat(
    client: RenderClient, service: FakeService, line: Line
) -> None:
    service.repeat = True
    job_id = service.new_job()
    seen = []
    for event in client.watch(job_id):
        seen.append(event.sequence)
        line.cut()
        if event.sequence < 8:
            service.happen(job_id, progress=event.sequence)
            service.happen(job_id, progress=event.sequence)
        elif not has_ended(service.jobs[job_id].job):
            service.happen(job_id, job_pb2.JOB_STATUS_COMPLETED, progress=100)
    assert seen == list(range(1, len(service.jobs[job_id].events) + 1))
    assert len(service.calls["WatchProgress"]) > 2


def test_a_watch_outlives_a_restart_of_the_server(
    client: RenderClient, service: FakeService, server: FakeServer
) -> None:
    job_id = service.new_job()
    watch = client.watch(job_id)
    seen = [next(watch).sequence]
    server.stop()
    service.run_to_end(job_id)
    restart = threading.Timer(0.3, server.start)
    restart.start()
    seen += [event.sequence for event in watch]
    restart.join()
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_watch_ended_with_ok_before_the_job_is_taken_up_again(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id)
    events = service.jobs[job_id].events
    end = events.pop()
    watch = client.watch(job_id, after_sequence=0)
    seen = [next(watch).sequence for _ in range(5)]
    events.append(end)
    assert [*seen, *(event.sequence for event in watch)] == [1, 2, 3, 4, 5, 6]


def test_a_watch_resumes_when_the_service_shuts_down(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    service.run_to_end(job_id)
    service.refusals["WatchProgress"] = [
        refusal(grpc.StatusCode.UNAVAILABLE, "bye", "SHUTTING_DOWN", retry_after=0.01),
        refusal(grpc.StatusCode.UNKNOWN, "a proxy's own idea"),
    ]
    assert status_name([*client.watch(job_id)][-1].status) == "COMPLETED"
    assert len(service.calls["WatchProgress"]) == 3


def test_watching_what_is_not_there_is_an_error(client: RenderClient) -> None:
    with pytest.raises(NotFoundError) as refused:
        next(client.watch("nothing"))
    assert refused.value.reason == "JOB_NOT_FOUND"


def test_a_fault_of_the_service_ends_the_watch(client: RenderClient, service: FakeService) -> None:
    service.refusals["WatchProgress"] = [
        refusal(grpc.StatusCode.INTERNAL, "oh", "INTERNAL", metadata={"request_id": "r"})
    ]
    with pytest.raises(Exception, match="oh"):
        next(client.watch(service.new_job()))


def test_leaving_a_watch_ends_the_call_and_leaves_the_job_alone(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    watch = client.watch(job_id)
    next(watch)
    service.wait_for_watchers(1)
    watch.close()
    service.wait_for_watchers(0)
    assert not has_ended(client.get(job_id))


def test_wait_gives_the_ended_job(client: RenderClient, service: FakeService) -> None:
    job_id = service.new_job()
    threading.Timer(0.1, service.run_to_end, (job_id, job_pb2.JOB_STATUS_FAILED, "no picture")).start()
    job = client.wait(job_id)
    assert (status_name(job.status), job.error_message) == ("FAILED", "no picture")


def test_a_watch_has_the_time_it_is_given(client: RenderClient, service: FakeService) -> None:
    with pytest.raises(DeadlineError):
        client.wait(service.new_job(), timeout=0.3)


def test_a_watch_gives_up_when_there_is_no_sign_of_life(server: FakeServer, service: FakeService) -> None:
    policy = RetryPolicy(first_delay=0.01, longest_delay=0.05, give_up_after=0.5)
    with RenderClient(f"127.0.0.1:{server.port}", retry=policy) as client:
        watch = client.watch(service.new_job())
        next(watch)
        server.stop()
        with pytest.raises(UnavailableError):
            list(watch)


def test_a_wrong_address_is_reported_at_once(line: Line, client: RenderClient) -> None:
    line.close()
    with pytest.raises(UnavailableError):
        next(client.watch("x"))


def test_closing_the_client_ends_its_watches(client: RenderClient, service: FakeService) -> None:
    watch = client.watch(service.new_job())
    next(watch)
    threading.Timer(0.1, client.close).start()
    with pytest.raises(ClientClosedError):
        list(watch)
    with pytest.raises(ClientClosedError):
        client.get("x")


def test_sequences_of_a_watch_rise_strictly_whatever_is_cut(
    client: RenderClient, service: FakeService, line: Line
) -> None:
    service.repeat = True
    job_id = service.new_job()
    over = threading.Event()

    def trouble() -> None:
        for _ in range(20):
            service.happen(job_id)
            over.wait(0.02)
            line.cut()
        service.happen(job_id, job_pb2.JOB_STATUS_COMPLETED)

    watch = client.watch(job_id)
    # A client that has never reached the service does not try for long.
    first = next(watch)
    maker = threading.Thread(target=trouble)
    maker.start()
    sequences = [event.sequence for event in (first, *watch)]
    maker.join()
    assert all(before < after for before, after in itertools.pairwise(sequences))
    assert sequences[-1] == 22


def test_a_workspace_is_watched_through_cuts_without_loss_or_repeat(
    client: RenderClient, service: FakeService, line: Line
) -> None:
    service.new_job()
    seen = []
    for change in client.watch_workspace(start="oldest"):
        assert change.event is not None
        seen.append(change.event)
        if len(seen) == 20:
            break
        line.cut()
        job_id = service.new_job()
        service.happen(job_id)
    assert seen == service.journal[:20]


def test_a_workspace_watch_resumes_after_a_cursor_and_sends_heartbeats(
    client: RenderClient, service: FakeService
) -> None:
    service.run_to_end(service.new_job())
    changes = client.watch_workspace(start="4", heartbeats=True)
    first, second = next(changes), next(changes)
    assert (first.event, first.cursor) == (None, "4")
    assert (second.event, second.cursor) == (service.journal[4], "5")


@pytest.mark.parametrize("retry", [replace(IMPATIENT, longest_stream=0.1)], ids=[""])
def test_a_long_watch_is_taken_up_anew_now_and_then_without_loss_or_repeat(
    client: RenderClient, service: FakeService
) -> None:
    job_id = service.new_job()
    seen = []
    for event in client.watch(job_id):
        seen.append(event.sequence)
        time.sleep(0.06)
        if event.sequence < 10:
            service.happen(job_id, progress=event.sequence)
        elif not has_ended(service.jobs[job_id].job):
            service.happen(job_id, job_pb2.JOB_STATUS_COMPLETED, progress=100)
    assert seen == list(range(1, 12))
    assert len(service.calls["WatchProgress"]) > 2


@pytest.mark.parametrize("retry", [replace(IMPATIENT, longest_stream=0.1, give_up_after=0.5)], ids=[""])
def test_a_service_that_is_silent_behind_a_living_connection_is_given_up(
    client: RenderClient, service: FakeService
) -> None:
    service.silent = True
    with pytest.raises(DeadlineError):
        list(client.watch(service.new_job(), after_sequence=1))


@pytest.mark.parametrize("retry", [replace(IMPATIENT, give_up_after=0.5)], ids=[""])
def test_the_time_that_a_caller_takes_for_an_event_is_no_time_without_progress(
    client: RenderClient, service: FakeService, line: Line
) -> None:
    job_id = service.new_job()
    watch = client.watch(job_id)
    next(watch)
    time.sleep(0.7)
    line.cut()
    service.run_to_end(job_id)
    assert has_ended(list(watch)[-1])
