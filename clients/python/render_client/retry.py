"""When to try a call again: exponential backoff with jitter, within the caller's time."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from render_client.errors import DeadlineError, QuotaError, RenderError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patiently calls are tried again after the connection was lost or the service was unavailable.

    Attributes:
        first_delay: Seconds before the first retry.
        longest_delay: Seconds that a delay grows to at most; the service may ask for more.
        factor: By which each delay is longer than the one before.
        call_attempts: How often a plain call that is safe to repeat is sent at most, ≥ 1. The same holds for a watch or
            a download of a client that has not reached the service before, so that a wrong address is told at once.
        give_up_after: Seconds without a sign of life after which a watch or a download ends with the last error.
        longest_stream: Seconds after which a watch or a download is taken up anew where it stands. So is noticed, too,
            that a service is dead behind a proxy that keeps the connection alive.
    """

    first_delay: float = 0.2
    longest_delay: float = 10.0
    factor: float = 2.0
    call_attempts: int = 4
    give_up_after: float = 600.0
    longest_stream: float = 300.0


class Attempts:
    """The tries of one call or stream.

    Args:
        policy: How patiently.
        timeout: Seconds for all tries together; None for no such limit.
        most: How many tries at most while there is no sign of life; None for no such limit.
        longest: Seconds that a single try may take, after which the next one goes on where it stood; None for no such
            limit.
        clock: Monotonic time in seconds.
        jitter: Gives a number from 0 to below 1 that spreads delays, so that many callers do not come back at once.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        timeout: float | None = None,
        most: int | None = None,
        longest: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._jitter = jitter
        self._most = most
        self._longest = longest
        self._alive = self._ever_alive = False
        self._started = self._last_sign = clock()
        self._end = None if timeout is None else self._started + timeout
        self._failures = self._failures_in_a_row = 0

    def remaining(self) -> float | None:
        """Seconds that the next try may take; None for no limit.

        Raises:
            DeadlineError: If nothing is left of the timeout.
        """
        if self._end is None:
            return self._longest
        left = self._end - self._clock()
        if left <= 0:
            raise DeadlineError("the time given for the call is over", code=grpc.StatusCode.DEADLINE_EXCEEDED)
        return left if self._longest is None else min(left, self._longest)

    def progressed(self) -> None:
        """Take note of a sign of life: the next failure starts with the shortest delay, and tries are not counted."""
        self._last_sign = self._clock()
        self._failures_in_a_row = 0
        self._most = None
        self._alive = self._ever_alive = True

    def delay_after(self, error: RenderError) -> float:
        """Say how long to wait before the next try.

        Args:
            error: How the last try ended.

        Returns:
            Seconds to wait, ≥ 0: the growing delay, or longer where the service asked for that.

        Raises:
            RenderError: The given error, if trying again would not help or there is no time or try left.
        """
        lasted_longest = self._lasted_longest(error)
        if lasted_longest and self._alive:
            self._alive = False
            # The service shall have seen the end of the old one, and not all watchers come at the same moment.
            return self._policy.first_delay * (0.5 + 0.5 * self._jitter())
        self._failures += 1
        passing = error.connection_lost or lasted_longest or self._is_crowded_out(error)
        if not passing or self._failures == self._most:
            raise error
        # Beyond 2^64 the product would overflow; the longest delay is reached long before.
        grown = self._policy.first_delay * self._policy.factor ** min(self._failures_in_a_row, 64)
        delay = min(self._policy.longest_delay, grown)
        self._failures_in_a_row += 1
        if error.retry_after is None:
            delay *= 0.5 + 0.5 * self._jitter()
        else:
            # Never earlier than asked, and not all at the same moment.
            delay = error.retry_after + 0.5 * delay * self._jitter()
        then = self._clock() + delay
        if (self._end is not None and then >= self._end) or then - self._last_sign > self._policy.give_up_after:
            raise error
        return delay

    def _lasted_longest(self, error: RenderError) -> bool:
        """Tell whether only the limit of a single try is over, not the caller's."""
        if self._longest is None or not isinstance(error, DeadlineError):
            return False
        return self._end is None or self._clock() < self._end

    def _is_crowded_out(self, error: RenderError) -> bool:
        """Tell whether a stream that was open before finds its place taken for the moment."""
        return self._longest is not None and self._ever_alive and isinstance(error, QuotaError)
