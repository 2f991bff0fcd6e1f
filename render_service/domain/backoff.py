"""Exponential backoff, for whatever is tried again."""

import random
from datetime import timedelta


def exponential_backoff(
    failed: int,
    *,
    base: timedelta,
    cap: timedelta,
    at_least: timedelta = timedelta(0),
    jitter: random.Random | None = None,
) -> timedelta:
    """Return the delay before the next attempt: exponential with equal jitter.

    The jitter keeps attempts that failed together from being repeated together.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Args:
        failed: Attempts failed so far, the last one included; at least 1.
        base: Upper bound of the first delay.
        cap: Upper bound of every delay.
        at_least: Lower bound, such as what a Retry-After header asks for.
        jitter: Source of randomness.

    Returns:
        Between half of and the whole of min(cap, base × 2^(failed − 1)), and never less than `at_least`.
    """
    exponential = min(cap, base * (1 << min(failed - 1, 30)))
    fraction = 0.5 + (jitter or random).random() / 2  # spreads retries, keeps no secret
    return max(exponential * fraction, at_least)
