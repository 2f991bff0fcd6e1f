"""Retry policy: exponential backoff with jitter, within the caller's deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from render_client.errors import DeadlineError, QuotaError, RenderError


@dataclass(frozen=True)
class RetryPolicy:
    """How calls are retried after the connection is lost or the service is unavailable.

    Attributes:
        first_delay: Seconds before the first retry.
        longest_delay: Maximum delay in seconds; the service may ask for a longer one.
        factor: Multiplier of the delay after each retry.
        call_attempts: Maximum attempts of a unary call that is safe to repeat, ≥ 1. Also applies to a watch or a
            download until the client has reached the service once, so that a wrong target fails early.
        give_up_after: Seconds without progress after which a watch or a download raises the last error.
        longest_stream: Seconds after which a watch or a download is reopened and resumed. This detects a dead service
            behind a proxy that keeps the connection alive.
    """

    first_delay: float = 0.2
    longest_delay: float = 10.0
    factor: float = 2.0
    call_attempts: int = 4
    give_up_after: float = 600.0
    longest_stream: float = 300.0


class Countdown:
    """The time that is left for several calls together.

    Args:
        timeout: Seconds from now; None means no limit.
    """

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def remaining(self) -> float | None:
        """Return the seconds left, ≥ 0; None means no limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())


class Attempts:
    """The attempts of one call or stream.

    Args:
        policy: Retry policy.
        timeout: Seconds for all attempts together; None means no limit.
        most: Maximum attempts without progress; None means no limit.
        longest: Seconds that a single attempt may take, after which the next one resumes; None means no limit.
        clock: Monotonic time in seconds.
        jitter: Returns a number in [0, 1) that spreads delays, so that callers do not retry simultaneously.
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
        self._progressed = self._ever_progressed = False
        self._started = self._last_progress = clock()
        self._end = None if timeout is None else self._started + timeout
        self._failures = self._failures_in_a_row = 0

    def remaining(self) -> float | None:
        """Seconds that the next attempt may take; None means no limit.

        Raises:
            DeadlineError: If the timeout has passed.
        """
        if self._end is None:
            return self._longest
        left = self._end - self._clock()
        if left <= 0:
            raise DeadlineError("the timeout of the call has passed", code=grpc.StatusCode.DEADLINE_EXCEEDED)
        return left if self._longest is None else min(left, self._longest)

    def progressed(self) -> None:
        """Record progress: the next failure starts with the shortest delay, and attempts are no longer limited."""
        self._last_progress = self._clock()
        self._failures_in_a_row = 0
        self._most = None
        self._progressed = self._ever_progressed = True

    def delay_after(self, error: RenderError) -> float:
        """Return how long to wait before the next attempt.

        Args:
            error: Error of the last attempt.

        Returns:
            Seconds to wait, ≥ 0: the backoff, or longer if the service asked for it.

        Raises:
            RenderError: The given error, if it is not retryable or no time or attempt is left.
        """
        reached_longest = self._reached_longest(error)
        if reached_longest and self._progressed:
            self._progressed = False
            # Gives the service time to see the old stream end, and spreads the watchers.
            return self._policy.first_delay * (0.5 + 0.5 * self._jitter())
        self._failures += 1
        retryable = error.connection_lost or reached_longest or self._is_over_quota(error)
        if not retryable or self._failures == self._most:
            raise error
        # The exponent is capped to avoid overflow; the longest delay is reached long before.
        grown = self._policy.first_delay * self._policy.factor ** min(self._failures_in_a_row, 64)
        delay = min(self._policy.longest_delay, grown)
        self._failures_in_a_row += 1
        if error.retry_after is None:
            delay *= 0.5 + 0.5 * self._jitter()
        else:
            # Never earlier than the service asked for, with jitter on top.
            delay = error.retry_after + 0.5 * delay * self._jitter()
        then = self._clock() + delay
        if (self._end is not None and then >= self._end) or then - self._last_progress > self._policy.give_up_after:
            raise error
        return delay

    def _reached_longest(self, error: RenderError) -> bool:
        """Return whether the limit of a single attempt has passed, not the caller's deadline."""
        if self._longest is None or not isinstance(error, DeadlineError):
            return False
        return self._end is None or self._clock() < self._end

    def _is_over_quota(self, error: RenderError) -> bool:
        """Return whether a stream that was open before is rejected by a quota when it resumes."""
        return self._longest is not None and self._ever_progressed and isinstance(error, QuotaError)
