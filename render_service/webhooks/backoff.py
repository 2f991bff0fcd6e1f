"""When a delivery is tried again, and when it is given up."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The schedule of Standard Webhooks 1.0, “Deliverability and reliability”: nine more tries, the last after three days.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
LONGEST = SCHEDULE[-1]
_JITTER = 0.2


def delay_after(failed: int, retry_after: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after a try that failed.

    Args:
        failed: How many tries have failed, this one included; > 0.
        retry_after: What the receiver asked for: not to be asked again earlier. Counts up to a day, and never makes the
            wait shorter, so that a receiver which always asks for a second cannot use up all tries in ten.

    Returns:
        The wait, up to 20 % longer than the schedule's so that those that failed together do not come back together;
        None once it is to be given up.
    """
    if failed > len(SCHEDULE):
        return None
    wait = max(SCHEDULE[failed - 1], min(retry_after or timedelta(0), LONGEST))
    return wait * random.uniform(1, 1 + _JITTER)  # noqa: S311 - keeps no secret


def read_retry_after(text: str, now: datetime) -> timedelta | None:
    """Return what a Retry-After header asks for (RFC 9110, section 10.2.3); None where it is none.

    Args:
        text: Seconds, or a date of HTTP.
        now: Aware.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(timedelta(0), aware - now)
