"""Structured JSON logs: one line an event, with the ids of what it is about bound by context."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO

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
bound_contextvars = structlog.contextvars.bound_contextvars
bind_contextvars = structlog.contextvars.bind_contextvars
get_contextvars = structlog.contextvars.get_contextvars
# Without the frames' local variables, among which are keys and passwords.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure_logging(level: str, *, form: Literal["json", "console"] = "json", stream: TextIO | None = None) -> None:
    """Send the logs of the service and of its libraries to one stream.

    Args:
        level: Least level, such as `info`.
        form: `json` for machines, `console` for people.
        stream: Where to write; standard error by default.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_span,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    handler = logging.StreamHandler(stream or sys.stderr)
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
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _add_span(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the span that is open, so that lines and traces lead to each other."""
    if (current := current_span()) is not None:
        event["trace_id"], event["span_id"] = current.trace_id, current.span_id
    return event


def get_logger(name: str) -> Logger:
    """Return the logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
