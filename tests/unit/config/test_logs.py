"""Logs are one JSON object a line, in UTC, with what the context binds, and never show the variables of a traceback."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from render_service.telemetry.logging import bound_log_fields, configure_logging, get_logger


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("info", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def test_a_line_is_one_json_object_with_what_the_context_binds(stream: io.StringIO) -> None:
    with bound_log_fields(job_id="42"):
        get_logger("test.logs").info("claimed", provider="mock")
        logging.getLogger("library").warning("two\nlines")
    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["level"], ours["provider"], ours["job_id"]) == ("claimed", "info", "mock", "42")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["job_id"]) == ("two\nlines", "42")


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    get_logger("test.logs.level").debug("chatter")
    assert stream.getvalue() == ""


def test_a_traceback_shows_where_but_not_the_values_of_variables(stream: io.StringIO) -> None:
    def check(password: str) -> None:
        raise ValueError("no")

    try:
        check("hunter2")
    except ValueError:
        get_logger("test.logs.traceback").exception("it broke")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["exception"][0]["exc_type"] == "ValueError"
    assert "check" in line
    assert "hunter2" not in line
