"""The W3C header `traceparent`, by which one span names its parent across processes."""

import re
from dataclasses import dataclass

# https://www.w3.org/TR/trace-context-2/#traceparent-header: version, trace id, span id, flags; ids of zeros are none.
_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A span as others name it; `header` is the whole of it."""

    header: str
    trace_id: str
    span_id: str


def read_traceparent(header: str | None) -> TraceParent | None:
    """Return what a caller sent as `traceparent`; None where it is none, which is no error."""
    found = _FORM.fullmatch(header or "")
    return TraceParent(found[0], found[1], found[2]) if found else None
