"""Between protobuf's times and Python's; both sides are exact to the microsecond."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from render_service.domain.faults import Faults

# https://protobuf.dev/reference/protobuf/google.protobuf/#duration
_MAX_SECONDS = 315_576_000_000
_MAX_NANOS = 999_999_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def read_duration(message: Duration, path: str, faults: Faults) -> timedelta:
    """Return a duration, cut to whole microseconds towards zero; zero, with a fault, for one that is not valid."""
    seconds, nanos = message.seconds, message.nanos
    if abs(seconds) > _MAX_SECONDS or abs(nanos) > _MAX_NANOS or seconds * nanos < 0:
        faults.add(path, "must have seconds within ±315,576,000,000, and nanos below 1,000,000,000 of the same sign")
        return timedelta(0)
    # Positional arguments (days, seconds, microseconds) take half the time of named ones.
    return timedelta(0, seconds, nanos // 1000 if nanos >= 0 else -(-nanos // 1000))


def write_duration(duration: timedelta, message: Duration) -> None:
    """Set a message to a duration."""
    whole = duration // _MICROSECOND
    seconds, micros = divmod(abs(whole), 1_000_000)
    sign = -1 if whole < 0 else 1
    # Setting even zeros marks the message as present.
    message.SetInParent()
    message.seconds = sign * seconds
    message.nanos = sign * micros * 1000


def timestamp(time: datetime) -> Timestamp:
    """Return the message of an aware time."""
    seconds, micros = divmod((time - _EPOCH) // _MICROSECOND, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def optional_timestamp(time: datetime | None) -> Timestamp | None:
    """Return the message of an aware time, or None where there is none."""
    return None if time is None else timestamp(time)
