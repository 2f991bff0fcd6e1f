"""Records a span for every call but watches, as a child of the caller's span."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc

from render_service.server.interceptors.authorization import is_open, workspace_of
from render_service.server.interceptors.base import Call, Context, Middleware
from render_service.server.interceptors.outcome import Outcome
from render_service.server.interceptors.watches import WATCHES
from render_service.telemetry.tracing.spans import Kind, current_span, span
from render_service.telemetry.tracing.traceparent import read_traceparent

# Codes that count as errors of the server: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
_OUR_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class TracingMiddleware:
    """Records calls. Watches have no span: they last for hours, and idle ones must cost nothing.

    Args:
        within: The middleware that decides on the status.
    """

    def __init__(self, within: Middleware) -> None:
        self._within = within

    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Return the inner middleware, inside a span if the call is to be recorded."""
        if call.method in WATCHES or is_open(call.method):
            return self._within.around(call)
        return self._recorded(call)

    @asynccontextmanager
    async def _recorded(self, call: Call) -> AsyncIterator[None]:
        attributes = {"rpc.system.name": "grpc", "rpc.method": call.method[1:]}
        parent = read_traceparent(call.metadata.get("traceparent"))
        with span(call.method[1:], attributes, kind=Kind.SERVER, parent=parent) as recorded:
            outcome = Outcome()
            try:
                async with outcome.watched(self._within, call):
                    yield
            finally:
                if workspace_id := workspace_of(call):
                    recorded.note({"render.workspace": workspace_id})
                recorded.note({"rpc.response.status_code": outcome.code.name})
                recorded.end_with(outcome.code.name if outcome.code in _OUR_FAULTS else None)


def trace_parent_of(context: Context) -> str | None:
    """Return the span that work started by a call belongs to, as `traceparent`: the call's own, else the caller's."""
    if (current := current_span()) is not None:
        return current.header
    for name, value in context.invocation_metadata() or ():
        if name == "traceparent" and isinstance(value, str) and (caller := read_traceparent(value)) is not None:
            return caller.header
    return None
