"""The retry schedule of deliveries."""

import random
from datetime import timedelta

# The schedule of Standard Webhooks 1.0, “Deliverability and reliability”: nine retries, the last after three days.
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
MAX_DELAY = SCHEDULE[-1]
_JITTER = 0.2


def delay_after(failed: int, retry_after: timedelta | None = None) -> timedelta | None:
    """Return the delay before the next attempt.

    Args:
        failed: How many attempts have failed; > 0.
        retry_after: The least delay that the receiver asked for, capped at `MAX_DELAY`. Never shortens the schedule's
            delay: a receiver that always asks for one second must not use up all attempts in ten seconds.

    Returns:
        The delay, up to 20 % longer than the schedule's so that deliveries that failed together are not retried
        together; None after the last attempt.
    """
    if failed > len(SCHEDULE):
        return None
    delay = max(SCHEDULE[failed - 1], min(retry_after or timedelta(0), MAX_DELAY))
    return delay * random.uniform(1, 1 + _JITTER)  # noqa: S311 - not for cryptography
