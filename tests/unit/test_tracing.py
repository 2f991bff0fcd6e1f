"""Tracing is on only where the environment asks for it, and takes from callers only what the standard allows."""

import os
import socket
import subprocess
import sys

import pytest

from render_service.telemetry.tracing.spans import Kind, current_span, is_tracing, span
from render_service.telemetry.tracing.switch import is_wanted, traced
from render_service.telemetry.tracing.traceparent import read_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "render", "OTEL_TRACES_SAMPLER": "always_on"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
    ],
)
def test_traces_are_sent_only_where_there_is_somewhere_to_send_them(environment: dict[str, str], wanted: bool) -> None:
    assert is_wanted(environment) is wanted


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_a_protocol_that_is_not_spoken_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        is_wanted(ENDPOINT | {name: "grpc"})


def test_off_a_span_is_nothing_and_exceptions_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    with traced("test", "1"):
        assert not is_tracing()
        with span("work", {"a": 1}, kind=Kind.SERVER) as nothing:
            nothing.note({"b": 2})
            nothing.end_with("FAULT")
            assert current_span() is None
        with pytest.raises(ZeroDivisionError), span("work"):
            raise ZeroDivisionError
        assert span("one") is span("another"), "it costs no memory"


def test_a_span_of_one_process_is_found_in_another() -> None:
    program = (
        "from render_service.telemetry.tracing.spans import Kind, current_span, span\n"
        "from render_service.telemetry.tracing.switch import traced\n"
        "with traced('test', '1'):\n"
        "    with span('housekeeping'): assert current_span() is None, 'nothing asked for it'\n"
        "    with span('call', kind=Kind.SERVER):\n"
        "        with span('part'): print(current_span().header)\n"
        "assert current_span() is None\n"
    )
    environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_SAMPLER": "always_on"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True, timeout=60
    )
    found = read_traceparent(done.stdout.strip())
    assert found is not None
    assert int(found.header[-2:], 16) & 1, "it is sampled"


def test_the_end_of_a_process_does_not_wait_for_a_collector_that_never_answers() -> None:
    program = (
        "import time\n"
        "from render_service.telemetry.tracing.spans import Kind, span\n"
        "from render_service.telemetry.tracing.switch import traced\n"
        "with traced('test', '1'):\n"
        "    for _ in range(5000):\n"
        "        with span('call', kind=Kind.SERVER): pass\n"
        "    ending = time.monotonic()\n"
        "print(time.monotonic() - ending)\n"
    )
    # Whoever connects is never even accepted: what he sends lies in the kernel.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        command = [sys.executable, "-c", program]
        # OpenTelemetry itself would wait for 10 s.
        done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True, timeout=60)
        silent.setblocking(False)
        silent.accept()[0].close()  # it was spoken to
    assert 1 < float(done.stdout) < 9


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_a_traceparent_is_taken_as_it_is(flags: str) -> None:
    header = f"00-{TRACE}-{SPAN}-{flags}"
    found = read_traceparent(header)
    assert found is not None
    assert (found.header, found.trace_id, found.span_id) == (header, TRACE, SPAN)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        "00-" + "é" * 32 + f"-{SPAN}-01",
        "x" * 100_000,
    ],
)
def test_what_is_no_traceparent_is_none(header: str | None) -> None:
    assert read_traceparent(header) is None
