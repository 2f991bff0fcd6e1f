"""The reasons that the domain knows are those of the contract, and each has one status."""

import re
from pathlib import Path

import pytest
from google.rpc import code_pb2
from render_client.v1 import error_reason_pb2

from render_service.domain.errors import ErrorReason
from render_service.server.interceptors.errors import STATUS_OF_FRAME_REASON, STATUS_OF_REASON

PREFIX = "ERROR_REASON_"
CONTRACT = Path(__file__).parents[3] / "proto/render/v1/error_reason.proto"


def test_the_domain_and_the_contract_know_the_same_reasons() -> None:
    contract = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    assert {name.removeprefix(PREFIX) for name in contract} - {"UNSPECIFIED"} == {
        reason.value for reason in ErrorReason
    }


@pytest.mark.parametrize("reason", ErrorReason)
def test_every_reason_comes_with_the_status_that_its_comment_names(reason: ErrorReason) -> None:
    found = re.search(rf"((?:\s*//.*\n)+)\s*{PREFIX}{reason} =", CONTRACT.read_text(encoding="utf-8"))
    assert found, "every reason has a comment"
    comment = found[1]
    assert "Example: `{" in comment
    statuses = re.findall(r"Status: ([A-Z_]+)", comment)
    if statuses:
        assert [code_pb2.Code.Name(STATUS_OF_REASON[reason])] == statuses
    else:
        assert "On a failed job" in comment
        assert reason not in STATUS_OF_REASON
    of_frame = re.findall(r"RenderFrame fails with\s+(?://\s+)?([A-Z_]+)", comment)
    expected = STATUS_OF_FRAME_REASON.get(reason)
    assert of_frame == ([] if expected is None else [code_pb2.Code.Name(expected)])
