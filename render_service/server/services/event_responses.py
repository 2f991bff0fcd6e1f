"""The responses of WatchProgress, each made once for all who watch the job."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from render_client.v1 import render_service_pb2 as pb

from render_service.db.database import DatabaseUnavailable
from render_service.domain.jobs.job import Artifact, Job, JobEvent, JobStatus
from render_service.server.interceptors.audit import AuditRecorder
from render_service.server.mapping.job import event_to_proto
from render_service.server.services.downloads import Downloads, file_name

V = TypeVar("V")

# Events of about as many jobs are on their way to watchers at a time.
_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Completed:
    """The responses with and without URLs, and the name of the file whose URL callers receive; empty: not ours."""

    response: pb.WatchProgressResponse
    without_urls: pb.WatchProgressResponse
    file: str


class EventResponses:
    """Makes responses, and keeps the latest: the hub and shared reads give all watchers of a job the same event.

    Args:
        read_job: Returns a job of a workspace.
        downloads: Returns URLs of finished videos.
        audit: Records who receives URLs.
    """

    def __init__(
        self, read_job: Callable[[str, UUID], Awaitable[Job]], downloads: Downloads, audit: AuditRecorder
    ) -> None:
        self._read_job = read_job
        self._downloads = downloads
        self._audit = audit
        # By identity, so the event is kept with what was made of it.
        self._made: OrderedDict[int, tuple[JobEvent, pb.WatchProgressResponse]] = OrderedDict()
        self._completed: OrderedDict[int, tuple[JobEvent, asyncio.Task[_Completed]]] = OrderedDict()

    async def response(self, event: JobEvent) -> pb.WatchProgressResponse:
        """Return the response for an event; do not change it.

        Raises:
            DomainError: STORE_UNAVAILABLE, or JOB_NOT_FOUND where the job was deleted meanwhile.
        """
        if event.status is JobStatus.COMPLETED:
            return await self._with_urls(event)
        kept = self._made.get(id(event))
        if kept is not None:
            return kept[1]
        response = pb.WatchProgressResponse(event=event_to_proto(event, ()))
        _keep(self._made, event, response)
        return response

    async def _with_urls(self, event: JobEvent) -> pb.WatchProgressResponse:
        kept = self._completed.get(id(event))
        if kept is None or (kept[1].done() and (kept[1].cancelled() or kept[1].exception() is not None)):
            kept = event, asyncio.create_task(self._complete(event))
            _keep(self._completed, *kept)
        # The work continues for the other callers if this one leaves.
        completed = await asyncio.shield(kept[1])
        if completed.file:
            try:
                await self._audit.record_returned_urls(event.workspace_id, {event.job_id: completed.file})
            except DatabaseUnavailable:
                # Reads continue while Postgres is read-only; the URLs, which must be in the audit log, are omitted.
                return completed.without_urls
        return completed.response

    async def _complete(self, event: JobEvent) -> _Completed:
        job = await self._read_job(event.workspace_id, event.job_id)
        urls = await self._downloads.video_urls(job)
        without = pb.WatchProgressResponse(event=event_to_proto(event, ()))
        return _Completed(
            pb.WatchProgressResponse(event=event_to_proto(event, urls)) if urls else without,
            without,
            file_name(job.video.files[Artifact.VIDEO]) if urls and job.video is not None else "",
        )


def _keep(kept: OrderedDict[int, tuple[JobEvent, V]], event: JobEvent, value: V) -> None:
    kept[id(event)] = event, value
    while len(kept) > _KEPT:
        kept.popitem(last=False)
