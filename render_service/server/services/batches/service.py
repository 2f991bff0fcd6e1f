"""The wire side of BatchService."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import batch_service_pb2_grpc

from render_service.db.batches.batches import Batches, RowEnd
from render_service.domain.batches.batch import Batch, Row
from render_service.domain.errors import InvalidFields
from render_service.domain.faults import Faults
from render_service.domain.jobs.request import RenderRequest
from render_service.domain.projects.project import Project
from render_service.progress.batch_reads import BatchReads
from render_service.progress.batch_watch import watch_batch
from render_service.progress.hub import ProgressHub
from render_service.queue.batch_runner import BatchRunner
from render_service.server.interceptors.authentication import current_origin
from render_service.server.interceptors.base import Context
from render_service.server.interceptors.rate_limits import QuotaCache
from render_service.server.interceptors.requests import off_loop
from render_service.server.mapping import page_token
from render_service.server.mapping.batch import batch_to_proto
from render_service.server.mapping.cursor import Cursors
from render_service.server.mapping.enums import JOB_STATUS
from render_service.server.mapping.generation import costs_to_proto
from render_service.server.mapping.ids import (
    NO_ID,
    optional_uuid_field,
    page_size_field,
    uuid_field,
    variables_field,
    workspace_field,
)
from render_service.server.mapping.times import timestamp
from render_service.server.services.batches.rows import RowFiles, read_rows
from render_service.server.services.batches.start_batch import BatchRequest, BatchStarter
from render_service.server.services.project_input import ProjectParser
from render_service.server.services.render_input import RenderInput

_OfBatch = pb.GetBatchRequest | pb.WatchBatchRequest | pb.CancelBatchRequest | pb.RetryBatchRequest


class BatchServicer(batch_service_pb2_grpc.BatchServiceServicer):
    """Renders one template with many rows of variables.

    Args:
        batches: The batches in Postgres.
        starter: Starts batches.
        runner: Lets batches go on.
        files: Fetches files of rows.
        parser: Reads templates.
        render_input: Reads how they are rendered.
        hub: Forwards published events to watches.
        cursors: Encrypts cursors.
        quotas: The quotas of workspaces.
    """

    def __init__(
        self,
        batches: Batches,
        starter: BatchStarter,
        runner: BatchRunner,
        *,
        files: RowFiles,
        parser: ProjectParser,
        render_input: RenderInput,
        hub: ProgressHub,
        cursors: Cursors,
        quotas: QuotaCache,
    ) -> None:
        self._batches = batches
        self._reads = BatchReads(batches)
        self._starter = starter
        self._runner = runner
        self._files = files
        self._parser = parser
        self._input = render_input
        self._hub = hub
        self._cursors = cursors
        self._quotas = quotas

    async def StartBatch(self, request: pb.StartBatchRequest, context: Context) -> pb.StartBatchResponse:
        """Store a batch."""
        faults = Faults()
        workspace_id = workspace_field(request.workspace_id, "workspace_id", faults)
        request_id = optional_uuid_field(request.request_id, "request_id", faults)
        faults.raise_if_any()
        request_hash = await off_loop(_request_hash, request)
        if request_id is not None and not request.dry_run:
            # First of all: the template or the file of rows may have changed or been deleted since.
            earlier = await self._batches.started_by(workspace_id, request_id, request_hash)
            if earlier is not None:
                return pb.StartBatchResponse(batch=batch_to_proto(earlier))
        if request.max_running < 0:
            faults.add("max_running", "must not be negative; 0 means any number")
        render = await self._render(request, faults)
        common = variables_field(request.render.variables, "render.variables", faults)
        rows = await self._rows(request, faults)
        faults.raise_if_any()
        self._input.check_configured(render)
        started = await self._starter.start(
            BatchRequest(render, common, rows, request.max_running or None, request_id, request_hash)
        )
        return pb.StartBatchResponse(
            batch=batch_to_proto(started.batch) if started.batch is not None else None,
            cost=costs_to_proto(started.cost),
        )

    async def GetBatch(self, request: pb.GetBatchRequest, context: Context) -> pb.GetBatchResponse:
        """Return a batch as it is now."""
        return pb.GetBatchResponse(batch=batch_to_proto(await self._batch(request)))

    async def ListBatches(self, request: pb.ListBatchesRequest, context: Context) -> pb.ListBatchesResponse:
        """Return a page of batches."""
        faults = Faults()
        workspace_field(request.workspace_id, "workspace_id", faults)
        limit = page_size_field(request.page_size, "page_size", faults)
        faults.raise_if_any()
        binding = page_token.binding_of(request)
        after = page_token.decode(request.page_token, binding=binding) if request.page_token else None
        found, end = await self._batches.list(request.workspace_id, after=after, limit=limit)
        return pb.ListBatchesResponse(
            batches=map(batch_to_proto, found), next_page_token=page_token.encode(end, binding=binding) if end else ""
        )

    async def WatchBatch(self, request: pb.WatchBatchRequest, context: Context) -> AsyncIterator[pb.WatchBatchResponse]:
        """Stream the changes of a batch until it has ended."""
        batch = await self._batch(request)
        codec = await self._cursors.codec()
        after = codec.decode(request.cursor, batch.workspace_id) if request.cursor else None
        async with aclosing(watch_batch(self._hub, self._batches, self._reads, batch, after)) as updates:
            async for update in updates:
                response = pb.WatchBatchResponse(cursor=codec.encode(update.position, batch.workspace_id))
                match update.content:
                    case Batch():
                        response.batch.CopyFrom(batch_to_proto(update.content))
                    case RowEnd():
                        response.ended.CopyFrom(_end_to_proto(update.content))
                    case None:
                        response.heartbeat.CopyFrom(timestamp(datetime.now(UTC)))
                yield response

    async def CancelBatch(self, request: pb.CancelBatchRequest, context: Context) -> pb.CancelBatchResponse:
        """Cancel what has not ended of a batch."""
        batch_id = _batch_id(request)
        await self._batches.cancel(request.workspace_id, batch_id, origin=current_origin())
        self._runner.nudge()
        return pb.CancelBatchResponse(batch=batch_to_proto(await self._batches.get(request.workspace_id, batch_id)))

    async def RetryBatch(self, request: pb.RetryBatchRequest, context: Context) -> pb.RetryBatchResponse:
        """Render the rows that failed again."""
        batch_id = _batch_id(request)
        retried = await self._batches.retry(
            request.workspace_id,
            batch_id,
            include_cancelled=request.include_cancelled,
            quotas=await self._quotas.of(request.workspace_id),
            origin=current_origin(),
        )
        self._runner.nudge()
        batch = await self._batches.get(request.workspace_id, batch_id)
        return pb.RetryBatchResponse(batch=batch_to_proto(batch), retried=retried)

    async def _batch(self, request: _OfBatch) -> Batch:
        return await self._batches.get(request.workspace_id, _batch_id(request))

    async def _render(self, request: pb.StartBatchRequest, faults: Faults) -> RenderRequest:
        """Return what every row renders, adding its faults at the field `render`."""
        render, found = request.render, Faults()
        if render.workspace_id not in ("", request.workspace_id):
            found.add("workspace_id", "must be that of the batch, or empty")
        for name in ("request_id", "dry_run"):
            if getattr(render, name):
                found.add(name, "must be omitted: the batch has its own")
        source: Project | UUID = NO_ID
        match render.WhichOneof("source"):
            case "project_id":
                source = uuid_field(render.project_id, "project_id", found)
            case "project":
                source = await self._parser.parse_template(render.project, found)
            case _:
                found.add("source", "give either project_id or project")
        read = self._input.read(render, found)
        try:
            found.raise_if_any()
        except InvalidFields as invalid:
            faults.add_all(replace(fault, field=f"render.{fault.field}") for fault in invalid.faults)
        return replace(read, workspace_id=request.workspace_id, source=source, dry_run=request.dry_run)

    async def _rows(self, request: pb.StartBatchRequest, faults: Faults) -> list[Row]:
        if bool(request.rows) == bool(request.rows_uri):
            faults.add("rows", "give either rows or rows_uri")
            return []
        if not request.rows_uri:
            return await off_loop(read_rows, request.rows, faults)
        if fault := self._files.fault(request.rows_uri):
            faults.add("rows_uri", fault)
        if faults:
            return []
        return await self._files.read(request.workspace_id, request.rows_uri, faults)


def _request_hash(request: pb.StartBatchRequest) -> bytes:
    bound = pb.StartBatchRequest()
    bound.CopyFrom(request)
    bound.ClearField("request_id")
    return hashlib.sha256(bound.SerializeToString(deterministic=True)).digest()


def _batch_id(request: _OfBatch) -> UUID:
    faults = Faults()
    workspace_field(request.workspace_id, "workspace_id", faults)
    batch_id = uuid_field(request.batch_id, "batch_id", faults)
    faults.raise_if_any()
    return batch_id


def _end_to_proto(end: RowEnd) -> pb.BatchRowEnd:
    return pb.BatchRowEnd(
        row=end.row,
        key=end.key,
        job_id=str(end.job_id),
        status=JOB_STATUS.number(end.status),
        error_message=end.error_message,
        error_reason=end.error_reason,
        end_time=timestamp(end.time),
    )
