"""The limits of clips and of requests to providers that the operator sets."""

from dataclasses import dataclass
from datetime import timedelta

from render_service.domain.retry import RetryPolicy

_MAX_DELAY = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class GenerationLimits:
    """Limits of clips and of requests to providers.

    Args:
        retry: When requests that failed temporarily are retried.
        task_timeout: How long a provider may take for one clip, its queue included.
        poll_interval: Time between two polls of a task; None for the provider's own recommendation.
    """

    retry: RetryPolicy
    task_timeout: timedelta = timedelta(minutes=30)
    poll_interval: timedelta | None = None


def provider_retry_policy(*, retries: int, mean_delay: timedelta) -> RetryPolicy:
    """Return the retry policy of requests to providers.

    Args:
        retries: How often a failed request is repeated; 0 or more.
        mean_delay: Mean delay before the first repetition; doubles with each one, up to about a minute.
    """
    # Equal jitter takes a quarter off on average, so that the mean of the first delay is `mean_delay`.
    return RetryPolicy(max_attempts=retries + 1, base=mean_delay * 4 / 3, cap=_MAX_DELAY)
