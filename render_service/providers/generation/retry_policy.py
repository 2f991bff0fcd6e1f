"""How long, and how often, providers are tried."""

import random
from dataclasses import dataclass
from datetime import timedelta

_LONGEST = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of trying.

    Args:
        attempts: How often what failed in passing is repeated.
        delay: Wait before the first repetition; doubles with each one.
        task: How long a provider may take for one clip, its queue included.
        poll: Time between two looks at a task; None for what the provider asks for.
    """

    attempts: int = 3
    delay: timedelta = timedelta(seconds=1)
    task: timedelta = timedelta(minutes=30)
    poll: timedelta | None = None

    def backoff(self, failed: int, asked: timedelta | None = None) -> timedelta:
        """Return how long to wait before the next try.

        Args:
            failed: Tries failed so far; at least 1.
            asked: What the provider asks for; never waited less.

        Returns:
            The delay doubled with each try, at most a minute, plus up to a half of it at random, so that those who
            failed together do not come back together.
        """
        wait = min(_LONGEST, self.delay * (1 << min(failed - 1, 20)))
        wait *= 1 + random.random() / 2  # noqa: S311 - spreads tries, keeps no secret
        return max(wait, asked or timedelta(0))
