"""When a failed attempt of a job is repeated."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after how long a wait, a job is attempted again.

    `max_failed_attempts` counts failed and lost attempts; the job fails for good with the last of them.
    """

    max_failed_attempts: int = 5
    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=5)

    def delay(self, failed_attempts: int, *, jitter: random.Random | None = None) -> timedelta:
        """Return the wait before the next attempt: exponential with equal jitter.

        Args:
            failed_attempts: Attempts failed so far, this one included; at least 1.
            jitter: Source of randomness.

        Returns:
            Between half of and the whole of min(cap, base × 2^(failed_attempts − 1)).
        """
        exponential = min(self.cap, self.base * (1 << min(failed_attempts - 1, 30)))
        fraction = 0.5 + (jitter or random).random() / 2  # spreads retries, keeps no secret
        return exponential * fraction
