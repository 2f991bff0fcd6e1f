"""Turns tracing on where the environment asks for it, by OpenTelemetry's own variables."""

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from render_service.telemetry.tracing.spans import record_to

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_CLOSE_SECONDS = 1.5


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether there is a collector to send traces to.

    Args:
        environment: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

    Raises:
        ValueError: it is to be spoken to in another way than over HTTP; the message names the variable.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() != "otlp":
        return False
    if not any(environment.get(name, "").strip() for name in _ENDPOINTS):
        return False
    name = next((name for name in _PROTOCOLS if environment.get(name, "").strip()), None)
    if name is not None and environment[name].strip().lower() != _PROTOCOL:
        raise ValueError(f"{name}: only {_PROTOCOL} is spoken here")
    return True


@contextmanager
def traced(service: str, version: str) -> Iterator[None]:
    """Record the spans of the block, if the environment asks for it.

    Args:
        service: Name of this process, where OTEL_SERVICE_NAME does not give one.
        version: Of the service.

    Raises:
        ValueError: a variable has a value that cannot be; the message names it.
    """
    if not is_wanted(os.environ):
        yield
        return
    # By name, so that nothing of OpenTelemetry is loaded where it is off.
    recorder = importlib.import_module("render_service.telemetry.tracing.recorder").OtlpRecorder(service, version)
    record_to(recorder)
    try:
        yield
    finally:
        record_to(None)
        recorder.close(within_seconds=_CLOSE_SECONDS)
