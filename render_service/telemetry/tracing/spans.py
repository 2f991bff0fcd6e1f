"""Spans as the rest of the service opens them: `with span("joining"): …`. Off, all are one that does nothing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import Enum, auto
from types import TracebackType
from typing import Protocol

from render_service.telemetry.tracing.traceparent import TraceParent

Attributes = Mapping[str, str | int | float | bool]


class Kind(Enum):
    """The kind of work that a span records, seen from this process."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()
    CONSUMER = auto()


class Span(Protocol):
    """A unit of work. An exception that leaves its block is recorded as its fault, unless `end_with` was called."""

    def note(self, attributes: Attributes) -> None:
        """Add attributes. Never secrets, and no URLs with queries."""
        ...

    def end_with(self, fault: str | None) -> None:
        """Record the outcome: a fault in one word, such as an error's reason, or None."""
        ...


class Recorder(Protocol):
    """Records spans and exports them."""

    def span(
        self, name: str, kind: Kind, parent: TraceParent | None, attributes: Attributes
    ) -> AbstractContextManager[Span]: ...

    def current(self) -> TraceParent | None: ...

    def annotate(self, attributes: Attributes) -> None: ...


class _NoSpan(AbstractContextManager["_NoSpan"]):
    """The span of a process that is not traced."""

    __slots__ = ()

    def __enter__(self) -> "_NoSpan":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def note(self, attributes: Attributes) -> None:
        """Do nothing."""

    def end_with(self, fault: str | None) -> None:
        """Do nothing."""


_NO_SPAN = _NoSpan()
_NOTHING: Attributes = {}


class _Switch:
    """Where spans go, once for the process."""

    recorder: Recorder | None = None


def record_to(recorder: Recorder | None) -> None:
    """Have all spans of this process recorded from now on; None: no more."""
    _Switch.recorder = recorder


def is_tracing() -> bool:
    """Whether spans are recorded."""
    return _Switch.recorder is not None


def span(
    name: str,
    attributes: Attributes = _NOTHING,
    *,
    kind: Kind = Kind.INTERNAL,
    parent: TraceParent | None = None,
) -> AbstractContextManager[Span]:
    """Return a block that is recorded as a span.

    Args:
        name: The operation; one of few names, without ids.
        attributes: Details, such as ids. Never secrets, and no URLs with queries.
        kind: The kind of work.
        parent: The span of another process that it belongs to; None for the current span of this task.
    """
    recorder = _Switch.recorder
    return _NO_SPAN if recorder is None else recorder.span(name, kind, parent, attributes)


def annotate(attributes: Attributes) -> None:
    """Add attributes to the current span of this task."""
    if _Switch.recorder is not None:
        _Switch.recorder.annotate(attributes)


def current_span() -> TraceParent | None:
    """Return the span that is open in this task, for other processes and for logs; None where nothing is traced."""
    return _Switch.recorder.current() if _Switch.recorder is not None else None
