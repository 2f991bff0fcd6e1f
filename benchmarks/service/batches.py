"""How long a batch takes to be accepted, and its rows to be jobs."""

import asyncio
import time
from dataclasses import dataclass

from render_client.v1 import batch_service_pb2 as pb
from render_client.v1 import project_pb2
from render_client.v1 import render_service_pb2 as renders

from benchmarks.service import stack
from benchmarks.service.load import Unary, channels
from benchmarks.service.results import Results

ROWS = 1_000
_SHOTS = 8
_BATCHES = "/render.v1.BatchService/"
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Accepted:
    """Seconds until a batch of ROWS rows was accepted, and from then until each of them was a job."""

    accepted: float
    started: float


async def start_batch(stores: stack.Stores) -> Accepted:
    """Start a batch of a template with eight shots on a server of its own."""
    shots = [
        project_pb2.Shot(
            id=f"shot-{number}",
            visual_description="{{name}} in the morning",
            caption=f"Hello, {{{{name}}}}, number {number}",
            image_uri="https://example.com/{{name}}.png",
        )
        for number in range(_SHOTS)
    ]
    project = project_pb2.Project(title="For {{name}}", storyboard=project_pb2.Storyboard(shots=shots))
    request = pb.StartBatchRequest(
        workspace_id="default",
        render=renders.StartRenderRequest(project=project, provider="mock"),
        rows=[pb.BatchRow(key=f"row-{row}", variables={"name": f"Name-{row}"}) for row in range(ROWS)],
    )
    async with stack.server(stores) as running, channels(running.port, 1) as (channel,):
        start: Unary = channel.unary_unary(f"{_BATCHES}StartBatch")
        get: Unary = channel.unary_unary(f"{_BATCHES}GetBatch")
        began = time.monotonic()
        batch = pb.StartBatchResponse.FromString(await start(request.SerializeToString())).batch
        accepted = time.monotonic()
        wanted = pb.GetBatchRequest(workspace_id="default", batch_id=batch.batch_id).SerializeToString()
        while pb.GetBatchResponse.FromString(await get(wanted)).batch.counts.waiting:
            await asyncio.sleep(_POLL_SECONDS)
        return Accepted(accepted - began, time.monotonic() - accepted)


def show(results: Results, found: Accepted) -> None:
    """Print what was measured."""
    results.show(f"batch of {ROWS:,} rows with {_SHOTS} shots, accepted", found.accepted, "s", at_most=2.0)
    results.show("all of its rows are jobs after", found.started, "s")
