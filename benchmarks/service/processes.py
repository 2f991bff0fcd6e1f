"""One server process beside two on one port: calls a second, and the processor time of the service a call.

The client shares the machine's cores with the servers, so that calls a second grow by less than the service could
serve. What two processes can serve together follows from the processor time of a call.
"""

from collections.abc import Mapping

from render_client.v1 import render_service_pb2 as pb

from benchmarks.service import stack
from benchmarks.service.load import Load, measure
from benchmarks.service.results import Results

_METHOD = "/render.v1.RenderService/GetJob"
# The kernel distributes connections, not calls.
_CONNECTIONS = 32


async def compare(stores: stack.Stores, job_id: str, *, seconds: float) -> Mapping[int, Load]:
    """Measure GetJob with one process and with two.

    Args:
        stores: Postgres and Valkey; the job is in them.
        job_id: The job that is read.
        seconds: How long each is measured.

    Returns:
        What was measured, by the number of processes.
    """
    request = pb.GetJobRequest(workspace_id="default", job_id=job_id).SerializeToString()
    found = {}
    for count in (1, 2):
        async with stack.server(stores, count) as running:
            found[count] = await measure(running, _METHOD, lambda _: request, seconds=seconds, connections=_CONNECTIONS)
    return found


def show(results: Results, found: Mapping[int, Load]) -> None:
    """Print what was measured."""
    one, two = found[1], found[2]
    for name, load in (("one server process", one), ("two server processes", two)):
        results.show(f"GetJob, {name}", load.rate, "/s")
        results.show(f"GetJob, {name}, processor time", load.processor * 1e3, "ms")
    results.show("two processes can serve, by processor time", 2 * one.processor / two.processor, "×", at_least=1.8)
