"""The fake service of the corners: jobs end by themselves, as their titles say."""

import contextlib
import threading
from collections.abc import Iterator

import grpc
from grpc_status import rpc_status
from render_client.v1 import job_pb2, render_service_pb2
from typing_extensions import override

from tests.unit.client.fake_server import FakeServer
from tests.unit.client.fake_service import FakeService, refusal


class SelfRunningService(FakeService):
    """Refuses the title `refused`, fails the title `fails`, and completes any other."""

    @override
    def StartRender(
        self, request: render_service_pb2.StartRenderRequest, context: grpc.ServicerContext
    ) -> render_service_pb2.StartRenderResponse:
        if request.project.title == "refused":
            status = refusal(grpc.StatusCode.INVALID_ARGUMENT, "one fault", "INVALID_FIELD", faults={"project": "no"})
            context.abort_with_status(rpc_status.to_status(status))
        response = super().StartRender(request, context)
        end = job_pb2.JOB_STATUS_COMPLETED
        if request.project.title == "fails":
            end = job_pb2.JOB_STATUS_FAILED
            self.jobs[response.job.job_id].job.error_reason = "ASSET_INVALID"
        threading.Timer(0.05, self.run_to_end, (response.job.job_id, end)).start()
        return response


@contextlib.contextmanager
def running_service() -> Iterator[str]:
    """Serve on a free port; gives the target."""
    server = FakeServer(SelfRunningService())
    server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.stop()
