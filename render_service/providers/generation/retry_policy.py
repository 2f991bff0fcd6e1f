"""The retry policy and timeouts of requests to providers."""

from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.backoff import exponential_backoff

_MAX_DELAY = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class ProviderRetryPolicy:
    """Limits of requests to providers.

    Args:
        attempts: How often a request that failed temporarily is repeated.
        delay: Mean delay before the first repetition; doubles with each one, up to about a minute.
        task: How long a provider may take for one clip, its queue included.
        poll: Time between two polls of a task; None for the provider's own recommendation.
    """

    attempts: int = 3
    delay: timedelta = timedelta(seconds=1)
    task: timedelta = timedelta(minutes=30)
    poll: timedelta | None = None

    def backoff(self, failed: int, asked: timedelta | None = None) -> timedelta:
        """Return the delay before the next attempt; see `exponential_backoff`.

        Args:
            failed: Attempts failed so far; at least 1.
            asked: Minimum delay that the provider asks for.
        """
        # Equal jitter takes a quarter off on average, so that the mean of the first delay is `delay`.
        return exponential_backoff(failed, base=self.delay * 4 / 3, cap=_MAX_DELAY, at_least=asked or timedelta(0))
