"""Who is notified of a job."""

from dataclasses import dataclass

from render_service.domain.jobs.job import JobStatus


@dataclass(frozen=True, slots=True)
class Receiver:
    """A URL to notify.

    Args:
        url: Where deliveries are sent.
        host: Host and port of `url`: deliveries to one host share its capacity.
        statuses: The statuses that it subscribes to; never empty.
    """

    url: str
    host: str
    statuses: tuple[JobStatus, ...]
