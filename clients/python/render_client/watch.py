"""Where a watch stands: what was seen, what to ask for after a broken connection, and whether it is over."""

import grpc
from render.v1 import job_pb2, render_service_pb2

from render_client.errors import UnavailableError
from render_client.messages import Requests, has_ended


class WatchPosition:
    """The place of one watch in the events of a job, kept across connections.

    Args:
        requests: Builder of requests.
        job_id: UUID of the job.
        after_sequence: Last sequence the caller has seen; None to begin with the present state.
    """

    def __init__(self, requests: Requests, job_id: str, after_sequence: int | None) -> None:
        self._requests = requests
        self._job_id = job_id
        self._last_sequence = after_sequence
        self.ended = False

    def request(self) -> render_service_pb2.WatchProgressRequest:
        """Build the call that goes on after what was seen."""
        return self._requests.watch(self._job_id, self._last_sequence)

    def accept(self, response: render_service_pb2.WatchProgressResponse) -> job_pb2.JobEvent | None:
        """Take one message of the stream.

        Args:
            response: As the service sent it.

        Returns:
            The event if it is news to the caller; None for a heartbeat or an event seen before. The terminal event is
            news even at a sequence that the caller gave as seen: a watch always tells the end.
        """
        if response.WhichOneof("update") != "event":
            return None
        event = response.event
        if has_ended(event):
            self.ended = True
        elif self._last_sequence is not None and event.sequence <= self._last_sequence:
            return None
        self._last_sequence = event.sequence
        return event


def ended_without_end() -> UnavailableError:
    """Make the error of a stream that ended with OK before a terminal event: to be treated like a lost connection."""
    return UnavailableError("the watch ended before the job did", code=grpc.StatusCode.UNAVAILABLE)
