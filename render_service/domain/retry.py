"""The retry policy: of attempts at jobs, and of requests to providers."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after what delay, failed work is retried: exponential backoff with equal jitter.

    The jitter keeps attempts that failed together from being repeated together.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Args:
        max_attempts: Attempts in all, the first one included; at least 1.
        base: Upper bound of the first delay; doubles with each failure.
        cap: Upper bound of every delay.
    """

    max_attempts: int = 5
    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=5)

    def is_exhausted(self, failed: int) -> bool:
        """Return whether work that has failed this many times is not retried."""
        return failed >= self.max_attempts

    def delay(
        self, failed: int, *, at_least: timedelta | None = None, jitter: random.Random | None = None
    ) -> timedelta:
        """Return the delay before the next attempt.

        Args:
            failed: Attempts failed so far, the last one included; at least 1.
            at_least: Lower bound, such as what a Retry-After header asks for.
            jitter: Source of randomness.

        Returns:
            Between half of and the whole of min(cap, base × 2^(failed − 1)), and never less than `at_least`.
        """
        exponential = min(self.cap, self.base * (1 << min(failed - 1, 30)))
        fraction = 0.5 + (jitter or random).random() / 2  # spreads retries, keeps no secret
        return max(exponential * fraction, at_least or timedelta(0))
