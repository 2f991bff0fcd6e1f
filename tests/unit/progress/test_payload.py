"""What travels on `task_updates:{task_id}` is readable by any backend, and comes back as it was."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.domain.errors import ErrorReason
from render_service.domain.jobs.job import JobError, JobEvent, JobStage, JobStatus
from render_service.domain.warning import JobWarning, WarningCode
from render_service.progress.payload import decode_event, encode_event, task_channel, workspace_channel

EVENT = JobEvent(
    job_id=UUID(int=1),
    task_id=UUID(int=2),
    workspace_id="team",
    sequence=7,
    milestone=3,
    is_milestone=True,
    status=JobStatus.PROCESSING,
    stage=JobStage.COMPOSING,
    progress=42,
    message="Composing 渲染",
    attempt=1,
    timestamp=datetime(2026, 1, 31, 12, 0, 0, 5, UTC),
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
EVENTS = st.builds(
    JobEvent,
    job_id=st.uuids(),
    task_id=st.uuids(),
    workspace_id=TEXT,
    sequence=st.integers(1, 2**62),
    milestone=st.integers(1, 10**6),
    is_milestone=st.booleans(),
    status=st.sampled_from(JobStatus),
    stage=st.none() | st.sampled_from(JobStage),
    progress=st.integers(0, 100),
    message=TEXT,
    attempt=st.integers(0, 1000),
    timestamp=st.datetimes(timezones=st.just(UTC)),
    error=st.none() | st.builds(JobError, st.sampled_from(ErrorReason), TEXT),
    warnings=st.lists(st.builds(JobWarning, st.sampled_from(WarningCode), TEXT, TEXT, TEXT), max_size=2).map(tuple),
)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event: JobEvent) -> None:
    assert decode_event(encode_event(event)) == event


def test_the_payload_has_the_words_that_other_backends_know() -> None:
    assert json.loads(encode_event(EVENT)) == {
        "status": "PROCESSING",
        "progress": 42,
        "message": "Composing 渲染",
        "timestamp": "2026-01-31T12:00:00.000005Z",
        "job_id": str(UUID(int=1)),
        "task_id": str(UUID(int=2)),
        "workspace_id": "team",
        "sequence": 7,
        "milestone": 3,
        "is_milestone": True,
        "stage": "COMPOSING",
        "attempt": 1,
    }


def test_timestamps_are_utc_wherever_they_come_from() -> None:
    elsewhere = EVENT.timestamp.astimezone(timezone(timedelta(hours=8)))
    assert json.loads(encode_event(replace(EVENT, timestamp=elsewhere)))["timestamp"] == "2026-01-31T12:00:00.000005Z"


def test_a_failure_shows_its_reason_but_not_its_details() -> None:
    error = JobError(ErrorReason.ASSET_INVALID, "the picture is none", {"shot_id": "one"})
    payload = json.loads(encode_event(replace(EVENT, status=JobStatus.FAILED, error=error)))
    assert (payload["error_reason"], payload["error_message"]) == ("ASSET_INVALID", "the picture is none")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xff",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b'"text"',
        b"[" * 100_000,
        encode_event(EVENT).replace(b'"sequence":7', b'"sequence":"7"'),
        encode_event(EVENT).replace(b'"sequence":7', b'"sequence":-7'),
        encode_event(EVENT).replace(b'"sequence":7', b'"sequence":1e999'),
        encode_event(EVENT).replace(b'"progress":42', b'"progress":101'),
        encode_event(EVENT).replace(b'"is_milestone":true', b'"is_milestone":1'),
        encode_event(EVENT).replace(b'"workspace_id":"team"', b'"workspace_id":["team"]'),
        encode_event(EVENT).replace(b'.000005Z"', b'.000005"'),
        encode_event(EVENT).replace(b"PROCESSING", b"PAUSED"),
        encode_event(EVENT).replace(b"COMPOSING", b"DREAMING"),
        encode_event(EVENT).replace(b"Z", b"X"),
        encode_event(EVENT).replace(b'"job_id":"0', b'"job_id":"x'),
    ],
)
def test_foreign_messages_on_the_channel_are_recognised(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any message will do
        decode_event(data)


def test_channels_have_the_names_that_other_backends_subscribe_to() -> None:
    assert task_channel(UUID(int=2)) == "task_updates:00000000-0000-0000-0000-000000000002"
    assert workspace_channel("team") == "workspace_updates:team"
