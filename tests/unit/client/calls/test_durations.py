"""Durations: numbers of seconds and timedelta, for messages and for timeouts."""

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from render_client import RenderClient, seconds
from render_client.v1 import project_pb2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, Duration(seconds=3)),
        (2.5, Duration(seconds=2, nanos=500_000_000)),
        (0.1 + 0.2, Duration(nanos=300_000_000)),
        (-1.5, Duration(seconds=-1, nanos=-500_000_000)),
        (timedelta(minutes=1, microseconds=1), Duration(seconds=60, nanos=1000)),
    ],
)
def test_seconds_make_a_duration(value: float | timedelta, expected: Duration) -> None:
    assert seconds(value) == expected
    assert project_pb2.Shot(duration=seconds(value)).duration == expected


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_duration_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match="seconds: must be finite"):
        seconds(value)


def test_a_timeout_may_be_a_timedelta() -> None:
    with RenderClient("127.0.0.1:1", timeout=timedelta(milliseconds=1500)) as client:
        assert client.config.timeout == 1.5
