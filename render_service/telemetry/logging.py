"""Structured JSON logs: one line an event, with the ids of what it is about bound by context."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal, TextIO

from pydantic_core import PydanticSerializationError, to_json

from render_service.telemetry.tracing.spans import current_span


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Mark a module that is not imported yet as not installed in the block, for a library to which it is optional."""
    modules: dict[str, Any] = sys.modules
    absent = module not in modules
    if absent:
        modules[module] = None
    try:
        yield
    finally:
        if absent:
            del modules[module]


# It would colour tracebacks, which are plain here, and takes longer to load than structlog itself.
with _without("rich"):
    import structlog

Logger = structlog.stdlib.BoundLogger
_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()} | {"exception": logging.ERROR}
_FIELDS: ContextVar[Mapping[str, Any]] = ContextVar("log_fields", default=MappingProxyType({}))
# Without the frames' local variables, among which are keys and passwords.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def bind_log_fields(**fields: object) -> None:
    """Add fields to every line that the current task logs from now on."""
    # One variable for all fields: structlog's own has a variable for each, and finds them by copying the context.
    _FIELDS.set({**_FIELDS.get(), **fields})


@contextmanager
def bound_log_fields(**fields: object) -> Iterator[None]:
    """Add fields to every line that is logged in the block."""
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


class _Output:
    """Where lines go, and from which level on; once for the process."""

    stream: TextIO = sys.stderr
    level: int = logging.INFO


class _LineLogger:
    """Writes the service's own lines directly: the standard library's logging takes five times as long for a line.

    Args:
        name: The module that logs.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def _write(self, line: str) -> None:
        # A log that cannot be written must not fail the work.
        with suppress(OSError, ValueError):
            _Output.stream.write(line + "\n")
            _Output.stream.flush()

    debug = info = warning = error = exception = critical = _write


def configure_logging(level: str, *, form: Literal["json", "console"] = "json", stream: TextIO | None = None) -> None:
    """Send the logs of the service and of its libraries to one stream.

    Args:
        level: Least level, such as `info`.
        form: `json` for machines, `console` for people.
        stream: Where to write; standard error by default.
    """
    shared: list[structlog.typing.Processor] = [
        _add_fields,
        _add_span,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [_TRACEBACKS, _render_json]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    _Output.stream, _Output.level = stream or sys.stderr, _LEVELS[level.lower()]
    handler = logging.StreamHandler(_Output.stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "dramatiq", "alembic", "sqlalchemy"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns of every try of its own; that it has given up is enough.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    structlog.configure(
        processors=[_drop_below_level, *shared, *last],
        logger_factory=_LineLogger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _drop_below_level(_logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if _LEVELS[name] < _Output.level:
        raise structlog.DropEvent
    return event


def _add_fields(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the fields of the task; those of the line itself take precedence."""
    return {**_FIELDS.get(), **event}


def _add_span(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the span that is open, so that lines and traces lead to each other."""
    if (current := current_span()) is not None:
        event["trace_id"], event["span_id"] = current.trace_id, current.span_id
    return event


def _render_json(_logger: object, _name: str, event: structlog.typing.EventDict) -> str:
    try:
        return to_json(event, fallback=repr).decode()
    except PydanticSerializationError:  # such as half a surrogate pair in a text
        return json.dumps(event, default=repr, separators=(",", ":"))


def get_logger(name: str) -> Logger:
    """Return the logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
