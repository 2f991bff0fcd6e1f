"""`render doctor`: versions and settings, and what one call says about them."""

import json

import grpc
import pytest

from tests.unit.client.command.conftest import Run
from tests.unit.client.fake_server import FakeServer
from tests.unit.client.fake_service import FakeService, refusal


def test_a_service_that_fits_is_reported_without_the_token(run: Run, server: FakeServer) -> None:
    result = run("-w", "films", "doctor")
    assert result.exit_code == 0
    for words in ("render-client", "grpcio", f"127.0.0.1:{server.port}", "off", "set", "films", "accepts the token"):
        assert words in result.stdout
    assert "a-token" not in result.stdout


def test_findings_are_one_json_object_a_line(run: Run) -> None:
    findings = [json.loads(line) for line in run("doctor", "--json").stdout.splitlines()]
    assert [finding["check"] for finding in findings] == ["client", "target", "tls", "token", "workspace", "service"]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "refuses the token"),
        (grpc.StatusCode.PERMISSION_DENIED, "may not read workspace default"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "the call failed"),
    ],
)
def test_a_refused_call_is_explained(run: Run, service: FakeService, code: grpc.StatusCode, verdict: str) -> None:
    service.refusals["ListJobs"] = [refusal(code, "no", "SOME_REASON")]
    result = run("doctor")
    assert (result.exit_code, verdict in result.stdout) == (4, True)


def test_a_service_that_cannot_be_reached_is_explained(run: Run) -> None:
    result = run("--target", "127.0.0.1:1", "--timeout", "1", "doctor")
    assert (result.exit_code, "not reachable" in result.stdout) == (3, True)
    assert "cannot reach the service at 127.0.0.1:1" in result.stderr
