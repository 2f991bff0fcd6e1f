"""Logs are one JSON object a line, in UTC, with what the context binds, and never show the variables of a traceback."""

import io
import json
import logging
from collections.abc import Iterator
from contextvars import copy_context

import pytest
import structlog

from render_service.telemetry.logging import bind_log_fields, bound_log_fields, configure_logging, get_logger


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


def test_a_text_that_is_no_unicode_is_logged_all_the_same(stream: io.StringIO) -> None:
    get_logger("test.logs.surrogate").info("found", name="half a pair: \ud83d")
    assert json.loads(stream.getvalue())["name"] == "half a pair: \ud83d"


def test_a_log_that_cannot_be_written_fails_no_work(stream: io.StringIO) -> None:
    stream.close()
    get_logger("test.logs.closed").info("claimed")


def test_fields_bound_in_a_task_are_not_those_of_others(stream: io.StringIO) -> None:
    def log(number: int) -> None:
        bind_log_fields(job_id=str(number))
        bind_log_fields(attempt=number)
        get_logger("test.logs.tasks").info("claimed")

    for number in (1, 2):
        copy_context().run(log, number)
    get_logger("test.logs.tasks").info("idle")
    first, second, idle = (json.loads(line) for line in stream.getvalue().splitlines())
    assert [(line["job_id"], line["attempt"]) for line in (first, second)] == [("1", 1), ("2", 2)]
    assert "job_id" not in idle


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
