"""Durations: numbers of seconds and `timedelta` wherever a duration is expected."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Union

from google.protobuf.duration_pb2 import Duration

Seconds = Union[float, timedelta]
"""A duration: a number of seconds, or a `timedelta`."""


def seconds(value: Seconds) -> Duration:
    """Return a duration for a message of the contract, such as `Shot(duration=seconds(2.5))`.

    Args:
        value: Seconds or a `timedelta`, rounded to microseconds.

    Raises:
        ValueError: If the value is infinite or not a number.
    """
    number = as_seconds(value)
    if not math.isfinite(number):
        raise ValueError(f"seconds: must be finite: {value}")
    duration = Duration()
    duration.FromMicroseconds(round(number * 1_000_000))
    return duration


def as_seconds(value: Seconds) -> float:
    """Return a duration as seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def as_optional_seconds(value: Seconds | None) -> float | None:
    """Return a duration as seconds; None for no limit."""
    return None if value is None else as_seconds(value)
