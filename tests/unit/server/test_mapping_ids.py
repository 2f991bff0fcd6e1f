"""Small fields of requests: what the contract allows is read, all else is a fault of that field."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.domain.faults import Faults
from render_service.domain.jobs.job import JobStatus, ProviderName
from render_service.server.mapping.ids import (
    labels_field,
    optional_uuid_field,
    page_size_field,
    provider_field,
    uuid_field,
    workspace_field,
)
from render_service.server.mapping.job import statuses_from_proto

CANONICAL = "0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f"


@given(st.uuids())
def test_a_uuid_is_read_in_any_case(identifier: UUID) -> None:
    faults = Faults()
    assert uuid_field(str(identifier), "job_id", faults) == identifier
    assert uuid_field(str(identifier).upper(), "job_id", faults) == identifier
    assert not faults


@pytest.mark.parametrize(
    "text",
    [
        "",
        CANONICAL.replace("-", ""),
        f"{{{CANONICAL}}}",
        f"urn:uuid:{CANONICAL}",
        CANONICAL + "\n",
        " " + CANONICAL,
        CANONICAL[:-1],
        CANONICAL[:-1] + "g",
        CANONICAL[:-1] + "１",
        "0198c0de7-a11-7c3e-9f00-5e1f5e1f5e1f",
    ],
)
def test_other_spellings_of_a_uuid_are_refused(text: str) -> None:
    faults = Faults()
    uuid_field(text, "job_id", faults)
    assert faults


def test_an_optional_uuid_may_be_empty_but_not_wrong() -> None:
    faults = Faults()
    assert optional_uuid_field("", "project_id", faults) is None
    assert not faults
    optional_uuid_field("x", "project_id", faults)
    assert faults


@pytest.mark.parametrize("workspace", ["a", "0", "team-a_b", "a" * 64])
def test_workspace_ids_of_the_contract_pass(workspace: str) -> None:
    faults = Faults()
    assert workspace_field(workspace, "workspace_id", faults) == workspace
    assert not faults


@pytest.mark.parametrize("workspace", ["", "A", "-a", "_a", "a" * 65, "a b", "a/b", "..", "a\n", "é", "a\0"])
def test_other_workspace_ids_are_refused(workspace: str) -> None:
    faults = Faults()
    workspace_field(workspace, "workspace_id", faults)
    assert faults


def test_labels_of_the_contract_pass_in_the_order_of_their_keys() -> None:
    faults = Faults()
    labels = {f"team/a_b.{n}-x": "é" * 255 for n in range(31)} | {"a" * 63: ""}
    assert list(labels_field(labels, "labels", faults).items()) == sorted(labels.items())
    assert not faults


@pytest.mark.parametrize(
    "labels",
    [
        {f"k{n}": "" for n in range(33)},
        {"": "v"},
        {"a" * 64: "v"},
        {"Key": "v"},
        {"a b": "v"},
        {"a\n": "v"},
        {"a": "v" * 256},
        {"a": "\0"},
    ],
)
def test_other_labels_are_refused(labels: dict[str, str]) -> None:
    faults = Faults()
    labels_field(labels, "labels", faults)
    assert faults


@pytest.mark.parametrize(("asked", "size"), [(0, 20), (1, 1), (100, 100)])
def test_page_sizes_have_a_default(asked: int, size: int) -> None:
    faults = Faults()
    assert page_size_field(asked, "page_size", faults) == size
    assert not faults


@pytest.mark.parametrize("asked", [-1, 101, 2**31 - 1, -(2**31)])
def test_other_page_sizes_are_refused(asked: int) -> None:
    faults = Faults()
    page_size_field(asked, "page_size", faults)
    assert faults


def test_a_provider_is_named_exactly_or_left_out() -> None:
    faults = Faults()
    assert [provider_field(name, "provider", faults) for name in ("local", "")] == [ProviderName.LOCAL, None]
    assert not faults
    assert provider_field("Local", "provider", faults) is None
    assert faults


def test_a_filter_names_each_status_once_and_none_is_unspecified() -> None:
    faults = Faults()
    assert statuses_from_proto([3, 1, 3], "statuses", faults) == (JobStatus.COMPLETED, JobStatus.PENDING)
    assert not faults
    assert statuses_from_proto([0, 77], "statuses", faults) == ()
    assert faults
