"""The pages about the contract: an anchor for every part, an example for every RPC, an order in which people read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from render_client.v1 import (
    batch_service_pb2,
    brand_service_pb2,
    error_reason_pb2,
    job_pb2,
    output_pb2,
    project_pb2,
    project_service_pb2,
    render_service_pb2,
    webhook_service_pb2,
)

from scripts.documents import ROOT, blocks, linked_file, links, read

SERVICES = (render_service_pb2, project_service_pb2, webhook_service_pb2, brand_service_pb2, batch_service_pb2)
FILES: tuple[FileDescriptor, ...] = tuple(
    module.DESCRIPTOR for module in (*SERVICES, project_pb2, output_pb2, job_pb2, error_reason_pb2)
)
METHODS: list[MethodDescriptor] = [
    method
    for module in SERVICES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def page_of(file: FileDescriptor) -> Path:
    return Path("docs/reference/api", Path(file.name).stem.replace("_", "-") + ".md")


def parts(file: FileDescriptor) -> Iterator[str]:
    for message in file.message_types_by_name.values():
        yield from (f"{message.name}.{field.name}" for field in message.fields)
    for enum in file.enum_types_by_name.values():
        yield from (f"{enum.name}.{value.name}" for value in enum.values)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_field_and_value_has_an_anchor_of_its_own(file: FileDescriptor) -> None:
    anchors = re.findall(r'<a id="([^"]+)"></a>', read(page_of(file)))
    assert len(set(anchors)) == len(anchors)
    wanted = {part.lower() for part in parts(file)} - {"errorreason.error_reason_unspecified"}
    assert set(anchors) == wanted


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_rpc_shows_a_request_and_an_answer_that_fit_the_contract(method: MethodDescriptor) -> None:
    text = read(page_of(method.containing_service.file))
    section = text.partition(f"\n### Example of {method.name}\n")[2].partition("\n## ")[0]
    request, *answers = [json.loads(block.text) for block in blocks(section) if block.language == "json"]
    json_format.ParseDict(request, GetMessageClass(method.input_type)())
    assert answers
    for answer in answers:
        # Bytes of files are shown abridged.
        json_format.ParseDict(
            {**answer, **{field: "" for field in ("data", "image") if field in answer}},
            GetMessageClass(method.output_type)(),
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_type_stands_after_a_type_that_uses_it(file: FileDescriptor) -> None:
    headings = re.findall(r"^##+ (\w+)$", read(page_of(file)), re.MULTILINE)
    place = {name: number for number, name in enumerate(headings)}
    users: dict[str, set[str]] = {}
    for message in file.message_types_by_name.values():
        for field in message.fields:
            if (used := type_name(field, file)) not in (None, message.name):
                users.setdefault(str(used), set()).add(message.name)
    assert [name for name, of in users.items() if place[name] < min(place[user] for user in of)] == []


def type_name(field: FieldDescriptor, file: FileDescriptor) -> str | None:
    """Return the name of the type of this file that a field has."""
    kind = field.message_type or field.enum_type
    at_top = {*file.message_types_by_name, *file.enum_types_by_name}
    return kind.name if kind is not None and kind.file is file and kind.name in at_top else None


def test_a_project_is_described_before_its_shots_and_those_before_their_details() -> None:
    headings = re.findall(r"^## (\w+)$", read(Path("docs/reference/api/project.md")), re.MULTILINE)
    wanted = ["Project", "Storyboard", "Shot", "Motion", "MotionKind", "Transition", "TransitionKind", "ProjectView"]
    assert [name for name in headings if name in wanted] == wanted


def test_the_one_file_has_every_definition_and_the_conventions() -> None:
    text = read(Path("docs/reference/contract.md"))
    for file in FILES:
        assert (ROOT / "proto" / file.name).read_text(encoding="utf-8") in text
    for word in ("request_id", "after_sequence", "authorization: Bearer", "RetryInfo", "SHA-256"):
        assert word in text.partition("## Definitions")[0]


def test_the_index_for_programs_lists_every_page_of_the_site_once() -> None:
    found = list(links(read(Path("llms.txt"))))
    pages = [linked_file(Path("llms.txt"), target) for target in found]
    navigation = re.findall(r'"([\w/.-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8"))
    # The contract in one file is also named at the top.
    assert sorted(map(str, pages[1:])) == sorted(navigation)
