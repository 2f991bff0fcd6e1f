"""The position of a watch: what was received, how to resume after a lost connection, and whether it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from render_client.errors import UnavailableError
from render_client.messages import Requests, has_ended
from render_client.v1 import job_pb2, render_service_pb2

Request_co = TypeVar("Request_co", bound=Message, covariant=True)
Response_contra = TypeVar("Response_contra", bound=Message, contravariant=True)
News_co = TypeVar("News_co", covariant=True)


class Position(Protocol[Request_co, Response_contra, News_co]):
    """The position of one watch, kept across connections; `ended` once nothing can follow."""

    ended: bool

    def request(self) -> Request_co:
        """Build the request that resumes after the last message."""

    def accept(self, response: Response_contra) -> News_co | None:
        """Process one message of the stream and return what is new to the caller."""


class WatchPosition:
    """The position of one watch in the events of a job, kept across connections.

    Args:
        requests: Builder of requests.
        job_id: UUID of the job.
        after_sequence: Last sequence the caller has seen; None starts with the current state.
    """

    def __init__(self, requests: Requests, job_id: str, after_sequence: int | None) -> None:
        self._requests = requests
        self._job_id = job_id
        self._last_sequence = after_sequence
        self.ended = False

    def request(self) -> render_service_pb2.WatchProgressRequest:
        """Build the request that resumes after the last message."""
        return self._requests.watch(self._job_id, self._last_sequence)

    def accept(self, response: render_service_pb2.WatchProgressResponse) -> job_pb2.JobEvent | None:
        """Process one message of the stream.

        Args:
            response: As the service sent it.

        Returns:
            The event if it is new to the caller; None for a heartbeat or an event seen before. The terminal event is
            always returned, even if the caller passed its sequence as seen.
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


@dataclass(frozen=True)
class WorkspaceChange:
    """One message of a workspace watch.

    Attributes:
        event: A change of one of the jobs; None for a heartbeat, which is yielded only if requested.
        cursor: Position after this message: store it once the event is handled, and resume from it.
    """

    event: job_pb2.JobEvent | None
    cursor: str


class WorkspacePosition:
    """The position of one watch in the events of a workspace, kept across connections.

    Args:
        requests: Builder of requests.
        start: Cursor to resume after, OLDEST, or empty for new events only.
        labels: Only events of jobs that have all of these labels.
        include_progress: Whether to include progress between state and stage changes.
        heartbeats: Whether to return heartbeats to the caller.
    """

    def __init__(
        self,
        requests: Requests,
        start: str,
        *,
        labels: Mapping[str, str] | None,
        include_progress: bool,
        heartbeats: bool,
    ) -> None:
        self._requests = requests
        self._start = start
        self._labels = labels
        self._include_progress = include_progress
        self._heartbeats = heartbeats
        self.ended = False

    def request(self) -> render_service_pb2.WatchWorkspaceRequest:
        """Build the request that resumes after the last message."""
        return self._requests.watch_workspace(self._start, self._labels, self._include_progress)

    def accept(self, response: render_service_pb2.WatchWorkspaceResponse) -> WorkspaceChange | None:
        """Process one message of the stream and return it if it is new to the caller."""
        self._start = response.cursor or self._start
        if response.WhichOneof("update") == "event":
            return WorkspaceChange(response.event, self._start)
        return WorkspaceChange(None, self._start) if self._heartbeats else None


def ended_without_end() -> UnavailableError:
    """Return the error of a stream that closed with OK before its end; treated like a lost connection."""
    return UnavailableError("the stream ended before the job did", code=grpc.StatusCode.UNAVAILABLE)
