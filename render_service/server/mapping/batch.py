"""From the domain's batches to those of the contract."""

from render_client.v1 import batch_service_pb2 as pb

from render_service.domain.batches.batch import Batch, BatchState
from render_service.server.mapping.enums import EnumTable
from render_service.server.mapping.times import optional_timestamp, timestamp

_STATE = EnumTable(pb.BatchState.DESCRIPTOR, BatchState)


def batch_to_proto(batch: Batch) -> pb.Batch:
    """Return the message of a batch."""
    return pb.Batch(
        batch_id=str(batch.id),
        workspace_id=batch.workspace_id,
        request_id=str(batch.request_id or ""),
        project_id=str(batch.project_id or ""),
        title=batch.title,
        state=_STATE.number(batch.state),
        rows=batch.rows,
        counts=pb.BatchCounts(**{state.lower(): number for state, number in batch.counts.items()}),
        max_running=batch.max_running or 0,
        cancel_requested=batch.cancel_requested,
        create_time=timestamp(batch.create_time),
        end_time=optional_timestamp(batch.end_time),
    )
