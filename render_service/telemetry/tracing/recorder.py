"""Records spans with OpenTelemetry's SDK and sends them to a collector over OTLP/HTTP. Loaded only where that is on."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from render_service.domain.errors import DomainError
from render_service.telemetry.tracing.spans import Attributes, Kind
from render_service.telemetry.tracing.traceparent import TraceParent, read_traceparent

_LONGEST_VALUE = 256
_KINDS = {
    Kind.INTERNAL: trace.SpanKind.INTERNAL,
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
    Kind.CONSUMER: trace.SpanKind.CONSUMER,
}
_ROOTS = (Kind.SERVER, Kind.CONSUMER)
_PROPAGATOR = TraceContextTextMapPropagator()


class OpenSpan:
    """A span that is being recorded; see `spans.Span`."""

    def __init__(self, recorded: trace.Span) -> None:
        self._recorded = recorded
        self.has_outcome = False
        """Whether the outcome of the work was recorded."""

    def note(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._recorded.set_attributes(dict(attributes))

    def end_with(self, fault: str | None) -> None:
        """Record the outcome of the work."""
        self.has_outcome = True
        if fault is not None:
            self._recorded.set_attribute("error.type", fault)
            self._recorded.set_status(trace.StatusCode.ERROR, fault)


class OtlpRecorder:
    """Records the spans of one process and exports them as the variables OTEL_* say. See `spans.Recorder`.

    The exporter has its own thread and a bounded queue: if the collector is slow or unreachable, only spans are lost.

    Args:
        service: Name of this process, unless OTEL_SERVICE_NAME gives one.
        version: Version of the service.
    """

    def __init__(self, service: str, version: str) -> None:
        # The environment takes precedence over the arguments, except for the SDK's default service name.
        environment = Resource.create()
        known = {"service.version": version}
        if str(environment.attributes.get("service.name", "")).startswith("unknown_service"):
            known["service.name"] = service
        self._provider = TracerProvider(
            resource=environment.merge(Resource(known)),
            # The process shuts it down itself: an exit handler would wait for the collector.
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_span_attribute_length=_LONGEST_VALUE),
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("render_service", version)

    @contextmanager
    def span(self, name: str, kind: Kind, parent: TraceParent | None, attributes: Attributes) -> Iterator[OpenSpan]:
        """Record a block; what belongs to nothing that is open (housekeeping) only where it begins some work."""
        if parent is None and kind not in _ROOTS and not trace.get_current_span().get_span_context().is_valid:
            yield OpenSpan(trace.INVALID_SPAN)
            return
        context = _PROPAGATOR.extract({"traceparent": parent.header}) if parent is not None else None
        with self._tracer.start_as_current_span(
            name,
            context,
            _KINDS[kind],
            dict(attributes),
            # Not by the SDK: it would write down messages and tracebacks, which may quote what callers wrote.
            record_exception=False,
            set_status_on_exception=False,
        ) as recorded:
            opened = OpenSpan(recorded)
            try:
                yield opened
            except (asyncio.CancelledError, GeneratorExit):
                opened.note({"render.cancelled": True})
                raise
            except BaseException as error:
                if not opened.has_outcome:
                    opened.end_with(error.reason if isinstance(error, DomainError) else type(error).__name__)
                raise

    def annotate(self, attributes: Attributes) -> None:
        """Add attributes to the current span."""
        trace.get_current_span().set_attributes(dict(attributes))

    def current(self) -> TraceParent | None:
        """Return the current span."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return read_traceparent(carrier.get("traceparent"))

    def close(self, *, within_seconds: float) -> None:
        """Send what waits, but wait only so long; what is left then is lost."""
        # A daemon: a request that hangs must not keep the process.
        closing = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        closing.start()
        closing.join(within_seconds)
