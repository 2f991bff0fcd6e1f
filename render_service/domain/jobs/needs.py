"""What a job needs of the worker that runs it, beside its providers."""

from enum import StrEnum


class JobNeed(StrEnum):
    """Something that not every worker can do."""

    RECOGNITION = "recognition"
    """Captions from what recordings and clips say: the extra `recognition`."""
    ALIGNMENT = "alignment"
    """The words of narrations that come without times: the extra `speech`."""
