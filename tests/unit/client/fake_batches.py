"""The batches of the fake service, stored in memory: each ends as its rows say."""

from collections.abc import Callable, Iterator

import grpc
from google.protobuf.message import Message
from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import job_pb2
from render_client.v1.batch_service_pb2_grpc import BatchServiceServicer
from typing_extensions import override

Admit = Callable[[str, Message, grpc.ServicerContext], None]
BATCH_ID = "0198c0de-7a11-4c3e-9f00-5e1f5e1f5e1f"


class FakeBatches(BatchServiceServicer):
    """Batches in memory.

    Attributes:
        requests: The requests to start one, in order.
        failing: Rows whose job fails.
        breaks: How many watches break after their first end.
        batch: The one batch.
    """

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self.requests: list[pb.StartBatchRequest] = []
        self.failing: set[int] = set()
        self.breaks = 0
        self.cursors: list[str] = []
        self.batch = pb.Batch(batch_id=BATCH_ID, state=pb.BATCH_STATE_RUNNING, title="For {{name}}")

    @override
    def StartBatch(self, request: pb.StartBatchRequest, context: grpc.ServicerContext) -> pb.StartBatchResponse:
        self._admit("StartBatch", request, context)
        self.requests.append(request)
        if request.dry_run:
            return pb.StartBatchResponse(cost=[job_pb2.Cost(unit="USD", amount="1.5")])
        self.batch.rows = len(request.rows)
        self.batch.counts.waiting = len(request.rows)
        return pb.StartBatchResponse(batch=self.batch)

    @override
    def GetBatch(self, request: pb.GetBatchRequest, context: grpc.ServicerContext) -> pb.GetBatchResponse:
        self._admit("GetBatch", request, context)
        return pb.GetBatchResponse(batch=self.batch)

    @override
    def ListBatches(self, request: pb.ListBatchesRequest, context: grpc.ServicerContext) -> pb.ListBatchesResponse:
        self._admit("ListBatches", request, context)
        return pb.ListBatchesResponse(batches=[self.batch])

    @override
    def WatchBatch(
        self, request: pb.WatchBatchRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchBatchResponse]:
        self._admit("WatchBatch", request, context)
        self.cursors.append(request.cursor)
        yield pb.WatchBatchResponse(batch=self.batch, cursor=request.cursor)
        for row in range(int(request.cursor or 0), self.batch.rows):
            yield pb.WatchBatchResponse(ended=self._end(row), cursor=str(row + 1))
            if self.breaks:
                self.breaks -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "lost")
        failed = len(self.failing)
        state = pb.BATCH_STATE_FAILED if failed else pb.BATCH_STATE_COMPLETED
        counts = pb.BatchCounts(completed=self.batch.rows - failed, failed=failed)
        ended = pb.Batch(batch_id=BATCH_ID, rows=self.batch.rows, state=state, counts=counts)
        yield pb.WatchBatchResponse(batch=ended, cursor=str(self.batch.rows))

    @override
    def CancelBatch(self, request: pb.CancelBatchRequest, context: grpc.ServicerContext) -> pb.CancelBatchResponse:
        self._admit("CancelBatch", request, context)
        return pb.CancelBatchResponse(batch=self.batch)

    @override
    def RetryBatch(self, request: pb.RetryBatchRequest, context: grpc.ServicerContext) -> pb.RetryBatchResponse:
        self._admit("RetryBatch", request, context)
        return pb.RetryBatchResponse(batch=self.batch, retried=len(self.failing))

    def _end(self, row: int) -> pb.BatchRowEnd:
        given = self.requests[-1].rows[row]
        if row in self.failing:
            status, reason, message = job_pb2.JOB_STATUS_FAILED, "ASSET_INVALID", "bad picture"
        else:
            status, reason, message = job_pb2.JOB_STATUS_COMPLETED, "", ""
        return pb.BatchRowEnd(row=row, key=given.key, status=status, error_reason=reason, error_message=message)
