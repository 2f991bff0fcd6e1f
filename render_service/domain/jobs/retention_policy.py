"""How long data is kept."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long data is kept; None keeps it for ever.

    Args:
        jobs: Jobs since their end, with videos and history.
        videos: Videos since they were finished, with all their files; their jobs stay.
        clips: Clips of paid providers.
        segments: Rendered segments.
        assets: Copies of callers' files for the workers.
        audit: Entries of the audit trail.
    """

    jobs: timedelta | None = None
    videos: timedelta | None = None
    clips: timedelta | None = None
    segments: timedelta | None = None
    assets: timedelta | None = None
    audit: timedelta | None = None
