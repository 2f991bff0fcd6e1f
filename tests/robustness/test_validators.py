"""Each validator catches the bug that it is for, seeded into a history that is right."""

import dataclasses
from collections.abc import Callable

import pytest

from tests.robustness.history import (
    Connection,
    EventRow,
    History,
    Intrusion,
    JobRow,
    Listing,
    Observation,
    SeenEvent,
    StaleWrite,
    Start,
    Watch,
    WorkspaceWatch,
)
from tests.robustness.validators import VALIDATORS, contradictions

# A job whose first worker was lost: what history keeps, and in between (3, 6, 8) progress that it does not keep.
_EVENTS = (
    EventRow(1, 1, "PENDING", "", 0, 0),
    EventRow(2, 2, "PROCESSING", "PREPARING", 0, 1),
    EventRow(4, 3, "PENDING", "", 10, 1),
    EventRow(5, 4, "PROCESSING", "PREPARING", 0, 2),
    EventRow(7, 5, "PROCESSING", "GENERATING", 30, 2),
    EventRow(9, 6, "COMPLETED", "", 100, 2),
)
_SEEN = (
    SeenEvent("a1", 1, "PENDING", "", 0, 0),
    SeenEvent("a1", 2, "PROCESSING", "PREPARING", 0, 1),
    SeenEvent("a1", 3, "PROCESSING", "PREPARING", 10, 1),
    SeenEvent("a1", 4, "PENDING", "", 10, 1),
    SeenEvent("a1", 5, "PROCESSING", "PREPARING", 0, 2),
    SeenEvent("a1", 7, "PROCESSING", "GENERATING", 30, 2),
    SeenEvent("a1", 8, "PROCESSING", "GENERATING", 60, 2),
    SeenEvent("a1", 9, "COMPLETED", "", 100, 2),
)


def right() -> History:
    """A history in which every promise was kept."""
    job = JobRow("a1", "a", "r1", "one", "COMPLETED", 9, 6, 2, _EVENTS)
    other = JobRow("b1", "b", "r1", "one", "CANCELLED", 2, 2, 0, (_EVENTS[0], EventRow(2, 2, "CANCELLED", "", 0, 0)))
    return History(
        starts=[
            Start("a", "r1", "one", "unknown"),
            Start("a", "r1", "one", "acknowledged", "a1"),
            Start("a", "r1", "one", "acknowledged", "a1"),
            Start("a", "r1", "two", "reused"),
            Start("b", "r1", "one", "acknowledged", "b1"),
        ],
        watches=[
            Watch("a", "a1", "client", [Connection(None, list(_SEEN), "OK")]),
            Watch(
                "a",
                "a1",
                "stub",
                [Connection(None, list(_SEEN[:3]), "UNAVAILABLE"), Connection(3, list(_SEEN[3:]), "OK")],
            ),
            Watch("a", "a1", "stub", [Connection(9, [_SEEN[-1]], "OK")]),
            Watch("a", "a1", "stub", [Connection(None, [_SEEN[1]], "left")], unfinished=True),
        ],
        workspace_watches=[WorkspaceWatch("a", [event for event in _SEEN if event.sequence not in (3, 8)])],
        observations=[Observation("a1", "PENDING", 1, 0.0, 1.0), Observation("a1", "COMPLETED", 9, 5.0, 6.0)],
        intrusions=[
            Intrusion("GetJob", True, "NOT_FOUND", "there is no such job"),
            Intrusion("GetJob", False, "NOT_FOUND", "there is no such job"),
        ],
        listings=[Listing("a", frozenset({"a1"})), Listing("b", frozenset({"b1"}))],
        stale_writes=[StaleWrite("a1", "report", accepted=False)],
        jobs={"a1": job, "b1": other},
    )


def _row(history: History, **changes: object) -> None:
    history.jobs["a1"] = dataclasses.replace(history.jobs["a1"], **changes)  # type: ignore[arg-type]  # any field


def _events(history: History) -> list[SeenEvent]:
    return history.watches[0].connections[0].events


def a_lost_job(history: History) -> None:
    """The row is gone."""
    del history.jobs["a1"]


def a_job_for_ever_pending(history: History) -> None:
    """The message was lost and nobody polled."""
    _row(history, status="PENDING", events=_EVENTS[:1])


def two_jobs_for_one_request(history: History) -> None:
    """A retry made a second job."""
    history.jobs["a2"] = dataclasses.replace(history.jobs["a1"], job_id="a2")
    history.starts.append(Start("a", "r1", "one", "acknowledged", "a2"))


def another_body_accepted(history: History) -> None:
    """The hash was not compared."""
    history.starts.append(Start("a", "r1", "two", "acknowledged", "a1"))


def the_same_body_refused(history: History) -> None:
    """The hash changes between calls."""
    history.starts.append(Start("b", "r1", "one", "reused"))


def a_job_nobody_asked_for(history: History) -> None:
    """A row of its own accord."""
    history.jobs["a3"] = dataclasses.replace(history.jobs["a1"], job_id="a3", request_id="r9")


def two_ends(history: History) -> None:
    """The job was cancelled after it had completed."""
    _row(history, status="CANCELLED", events=(*_EVENTS, EventRow(10, 7, "CANCELLED", "", 100, 2)))


def an_end_left_again(history: History) -> None:
    """An expired lease was taken from a job that had ended."""
    history.observations.append(Observation("a1", "PROCESSING", 10, 7.0, 8.0))


def two_clients_sent_different_ends(history: History) -> None:
    """The end was delivered before it was committed."""
    _events(history)[-1] = dataclasses.replace(_events(history)[-1], status="FAILED")


def a_stale_write_accepted(history: History) -> None:
    """The statement does not compare the lease."""
    history.stale_writes.append(StaleWrite("a1", "complete", accepted=True))


def a_report_of_an_attempt_that_was_over(history: History) -> None:
    """The worker that lost its lease went on reporting."""
    late = EventRow(6, 5, "PROCESSING", "GENERATING", 60, 1)
    _row(
        history, events=(*_EVENTS[:4], late, *(dataclasses.replace(e, milestone=e.milestone + 1) for e in _EVENTS[4:]))
    )


def two_attempts_at_once(history: History) -> None:
    """Two workers claimed the same job."""
    _row(history, events=(*_EVENTS[:2], EventRow(3, 3, "PROCESSING", "PREPARING", 0, 2)))


def a_milestone_overwritten(history: History) -> None:
    """Two writers gave the same number."""
    _row(history, events=(*_EVENTS[:4], dataclasses.replace(_EVENTS[4], milestone=4), _EVENTS[5]))


def events_out_of_order(history: History) -> None:
    """What was published overtook what was read."""
    events = _events(history)
    events[1], events[3] = events[3], events[1]


def progress_that_falls(history: History) -> None:
    """Late progress was forwarded."""
    _events(history)[6] = dataclasses.replace(_events(history)[6], progress=20)


def something_after_the_end(history: History) -> None:
    """The stream was not closed."""
    _events(history).append(SeenEvent("a1", 10, "PROCESSING", "GENERATING", 100, 2))


def an_event_sent_twice(history: History) -> None:
    """Read from Postgres and received from Redis."""
    _events(history).insert(2, _events(history)[1])


def an_event_sent_again_after_resuming(history: History) -> None:
    """after_sequence taken as 'from'."""
    history.watches[1].connections[1].events.insert(0, _SEEN[2])


def one_sequence_with_two_meanings(history: History) -> None:
    """Two writers used the same sequence."""
    _events(history)[2] = dataclasses.replace(_events(history)[2], progress=11)


def a_stage_skipped(history: History) -> None:
    """A slow watcher's queue dropped a milestone."""
    del _events(history)[5]


def an_event_lost_between_two_connections(history: History) -> None:
    """Resumed from the present instead of from history."""
    del history.watches[1].connections[1].events[0]


def an_ok_without_an_end(history: History) -> None:
    """The server shut down and closed its streams with OK."""
    _events(history).pop()


def a_watcher_left_waiting(history: History) -> None:
    """The last event was published while Redis was away, and nobody polled."""
    history.watches[1].connections[1] = Connection(3, list(_SEEN[3:6]), "left")


def another_workspaces_job_shown(history: History) -> None:
    """The query forgot the workspace."""
    history.intrusions.append(Intrusion("CancelJob", False, "OK", ""))


def another_workspaces_job_betrayed(history: History) -> None:
    """The refusal differs from that for a job that does not exist."""
    history.intrusions.append(Intrusion("GetJob", False, "NOT_FOUND", "this job is in another workspace"))


def another_workspaces_job_listed(history: History) -> None:
    """The list forgot the workspace."""
    history.listings.append(Listing("a", frozenset({"a1", "b1"})))


def another_jobs_event_sent(history: History) -> None:
    """Two jobs share a channel."""
    _events(history)[3] = dataclasses.replace(_events(history)[3], job_id="b1")


def a_workspace_sent_out_of_order(history: History) -> None:
    """Ordered by the clock instead of by commit."""
    events = history.workspace_watches[0].events
    events[1], events[2] = events[2], events[1]


def a_workspace_sent_twice(history: History) -> None:
    """The cursor points at the last event instead of behind it."""
    history.workspace_watches[0].events.append(_SEEN[-1])


def an_event_of_a_workspace_committed_late_and_skipped(history: History) -> None:
    """The cursor was a plain number."""
    del history.workspace_watches[0].events[2]


def another_workspaces_event_sent(history: History) -> None:
    """All workspaces share a channel."""
    history.workspace_watches[0].events.append(dataclasses.replace(_SEEN[1], job_id="b1"))


_CAUGHT_BY: dict[str, list[Callable[[History], None]]] = {
    "Durable": [a_lost_job, a_job_for_ever_pending],
    "Idempotent": [two_jobs_for_one_request, another_body_accepted, the_same_body_refused, a_job_nobody_asked_for],
    "OneEnd": [two_ends, an_end_left_again, two_clients_sent_different_ends],
    "Fenced": [
        a_stale_write_accepted,
        a_report_of_an_attempt_that_was_over,
        two_attempts_at_once,
        a_milestone_overwritten,
    ],
    "Ordered": [
        events_out_of_order,
        progress_that_falls,
        something_after_the_end,
        a_workspace_sent_out_of_order,
    ],
    "Unique": [
        an_event_sent_twice,
        an_event_sent_again_after_resuming,
        one_sequence_with_two_meanings,
        a_workspace_sent_twice,
    ],
    "Resumable": [
        a_stage_skipped,
        an_event_lost_between_two_connections,
        an_event_of_a_workspace_committed_late_and_skipped,
    ],
    "EndAlwaysDelivered": [an_ok_without_an_end, a_watcher_left_waiting],
    "Isolated": [
        another_workspaces_job_shown,
        another_workspaces_job_betrayed,
        another_workspaces_job_listed,
        another_jobs_event_sent,
        another_workspaces_event_sent,
    ],
}


def test_a_history_in_which_all_went_well_contradicts_no_promise() -> None:
    assert contradictions(right()) == {name: [] for name in VALIDATORS}


def test_every_validator_has_bugs_that_it_must_catch() -> None:
    assert _CAUGHT_BY.keys() == VALIDATORS.keys()


@pytest.mark.parametrize(
    ("name", "seed_bug"),
    [
        pytest.param(name, seed_bug, id=f"{name}-{seed_bug.__name__}")
        for name, bugs in _CAUGHT_BY.items()
        for seed_bug in bugs
    ],
)
def test_a_seeded_bug_is_caught_by_the_validator_of_its_promise(name: str, seed_bug: Callable[[History], None]) -> None:
    history = right()
    seed_bug(history)
    assert list(VALIDATORS[name](history))
