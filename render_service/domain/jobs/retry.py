"""When a failed attempt at a job is repeated."""

import random
from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.backoff import exponential_backoff


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after what delay, a job is attempted again.

    `max_failed_attempts` counts failed and lost attempts; the job fails for good with the last of them.
    """

    max_failed_attempts: int = 5
    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=5)

    def delay(self, failed_attempts: int, *, jitter: random.Random | None = None) -> timedelta:
        """Return the delay before the next attempt; see `exponential_backoff`.

        Args:
            failed_attempts: Attempts failed so far, this one included; at least 1.
            jitter: Source of randomness.

        Returns:
            Between half of and the whole of min(cap, base × 2^(failed_attempts − 1)).
        """
        return exponential_backoff(failed_attempts, base=self.base, cap=self.cap, jitter=jitter)
