"""A span around every call that has an end of its own, as a child of its caller's."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc

from render_service.server.interceptors.authorization import is_open, workspace_of
from render_service.server.interceptors.base import Call, Context, Middleware
from render_service.server.interceptors.rate_limits import WATCHES
from render_service.telemetry.tracing.spans import Kind, current_span, span
from render_service.telemetry.tracing.traceparent import read_traceparent

# What a server is to blame for: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
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
    """Records calls. Watches have no span: they last for hours, and the parked ones must not pay for it.

    Args:
        within: The guard that decides on the status.
    """

    def __init__(self, within: Middleware) -> None:
        self._within = within

    def around(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Return the guard within, inside a span where the call is one to be recorded."""
        if call.method in WATCHES or is_open(call.method):
            return self._within.around(call)
        return self._recorded(call)

    @asynccontextmanager
    async def _recorded(self, call: Call) -> AsyncIterator[None]:
        attributes = {"rpc.system.name": "grpc", "rpc.method": call.method[1:]}
        if workspace_id := workspace_of(call):
            attributes["render.workspace"] = workspace_id
        parent = read_traceparent(call.metadata.get("traceparent"))
        with span(call.method[1:], attributes, kind=Kind.SERVER, parent=parent) as recorded:
            code = grpc.StatusCode.OK
            try:
                async with self._within.around(call):
                    yield
            except grpc.aio.AbortError:
                code = status_code(call.context)
                raise
            except BaseException:  # left by the caller, or by the end of the process
                code = grpc.StatusCode.CANCELLED
                raise
            finally:
                recorded.note({"rpc.response.status_code": code.name})
                recorded.end_with(code.name if code in _OUR_FAULTS else None)


def status_code(context: Context) -> grpc.StatusCode:
    """Return the status that a call was ended with."""
    code: object = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next((known for known in grpc.StatusCode if known.value[0] == code), grpc.StatusCode.UNKNOWN)


def trace_parent_of(context: Context) -> str | None:
    """Return the span that work started by a call belongs to: the call's own, else its caller's; as `traceparent`."""
    if (current := current_span()) is not None:
        return current.header
    for name, value in context.invocation_metadata() or ():
        if name == "traceparent" and isinstance(value, str) and (caller := read_traceparent(value)) is not None:
            return caller.header
    return None
