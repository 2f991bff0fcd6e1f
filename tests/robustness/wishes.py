"""What callers of a campaign want: a reproducible list of jobs."""

import random
import uuid
from dataclasses import dataclass

WORKSPACES = ("north", "south", "west")


@dataclass(frozen=True, slots=True)
class Wish:
    """One job that somebody wants, and how they go about it.

    `copies` callers send the same request at once, `rival`: whether one more sends another body under the same
    request_id, `cancel_after` is in seconds, and `by_client`: whether the published client is used.
    """

    workspace: str
    request_id: str
    copies: int
    rival: bool
    cancel_after: float | None
    by_client: bool


def wishes(seed: int, count: int) -> list[Wish]:
    """Return so many wishes, the same for the same arguments."""
    choice = random.Random(f"wishes {seed}")
    return [
        Wish(
            workspace=choice.choice(WORKSPACES),
            request_id=str(uuid.UUID(int=choice.getrandbits(128), version=4)),
            copies=choice.choices([1, 2, 5], [8, 2, 1])[0],
            rival=choice.random() < 0.05,
            cancel_after=choice.uniform(0, 3) if choice.random() < 0.1 else None,
            by_client=choice.random() < 0.3,
        )
        for _ in range(count)
    ]
