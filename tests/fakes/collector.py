"""A collector of OpenTelemetry that takes traces over OTLP/HTTP, and returns how their spans are connected."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.fakes.http_server import FakeServer, Request, Response


@dataclass(frozen=True)
class CollectedSpan:
    """A span as it was sent; ids in hexadecimal digits, `fault` of those that failed."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, object]
    fault: str | None
    seconds: float


class FakeCollector(FakeServer):
    """The collector; `spans` are all that it was sent."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.spans: list[CollectedSpan] = []
        self._news = asyncio.Event()

    async def handle(self, request: Request) -> Response:
        if (request.method, request.path) != ("POST", "/v1/traces"):
            return Response(404)
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            (service,) = (one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    failed = span.status.code == Status.STATUS_CODE_ERROR
                    values = ((each.key, each.value) for each in span.attributes)
                    self.spans.append(
                        CollectedSpan(
                            service,
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            {key: getattr(value, str(value.WhichOneof("value"))) for key, value in values},
                            span.status.message if failed else None,
                            (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                        )
                    )
        self._news.set()
        return Response(200, b"", {"Content-Type": "application/x-protobuf"})

    async def until(self, enough: Callable[[list[CollectedSpan]], bool], seconds: float = 30) -> list[CollectedSpan]:
        """Wait until the spans suffice, and return them."""
        async with asyncio.timeout(seconds):
            while not enough(self.spans):
                self._news.clear()
                await self._news.wait()
        return self.spans

    async def trace_of(self, job_id: str, *, attempts: int = 1) -> list[CollectedSpan]:
        """Wait for the attempts of a job, and return the trace that they belong to."""

        def of_job(spans: list[CollectedSpan]) -> list[CollectedSpan]:
            return [one for one in spans if one.name == "render attempt" and one.attributes["render.job.id"] == job_id]

        # An attempt ends after all that belongs to it, and is sent after that.
        spans = await self.until(lambda spans: len(of_job(spans)) >= attempts)
        return [one for one in spans if one.trace_id == of_job(spans)[0].trace_id]


def children(spans: list[CollectedSpan], parent: CollectedSpan) -> list[CollectedSpan]:
    """The spans that hang below one."""
    return [one for one in spans if one.parent_id == parent.span_id]


def only(spans: list[CollectedSpan], name: str) -> CollectedSpan:
    """The one span of a name."""
    (found,) = (one for one in spans if one.name == name)
    return found
