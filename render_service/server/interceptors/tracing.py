"""Records a span for every call but watches, as a child of the caller's span."""

from typing import TypeVar

import grpc

from render_service.server.interceptors.authentication import current_call
from render_service.server.interceptors.authorization import is_open, workspace_of
from render_service.server.interceptors.base import Call, Middleware, Work
from render_service.server.interceptors.outcome import Outcome
from render_service.server.interceptors.watches import WATCHES
from render_service.telemetry.tracing.spans import Kind, current_span, span

T = TypeVar("T")
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

    async def run(self, call: Call, work: Work[T]) -> T:
        """Record a call, if it is to be recorded."""
        if call.method in WATCHES or is_open(call.method):
            return await self._within.run(call, work)
        attributes = {"rpc.system.name": "grpc", "rpc.method": call.method[1:]}
        with span(call.method[1:], attributes, kind=Kind.SERVER, parent=call.parent) as recorded:
            outcome = Outcome()
            try:
                return await outcome.of(self._within, call, work)
            finally:
                if workspace_id := workspace_of(call):
                    recorded.note({"render.workspace": workspace_id})
                recorded.note({"rpc.response.status_code": outcome.code.name})
                recorded.end_with(outcome.code.name if outcome.code in _OUR_FAULTS else None)


def current_trace_parent() -> str | None:
    """Return the span that work started by the current call belongs to: the call's own, else the caller's."""
    parent = current_span() or current_call().parent
    return parent.header if parent is not None else None
