"""What was measured of a shot's own media, as far as the timeline depends on it."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Measured lengths of one shot's media; None where the shot has none.

    `clip` is the length of the clip's picture, `narration` of the spoken narration; both > 0.
    """

    clip: timedelta | None = None
    narration: timedelta | None = None
