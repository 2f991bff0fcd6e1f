"""Writes docs/reference/api from the comments of the contract, or checks that it is current (`--check`)."""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from scripts.contract import (
    ENUM,
    MESSAGE,
    PART,
    ROOT,
    SERVICE,
    TARGET,
    Contract,
    anchor,
    in_reading_order,
    page_name,
    read_contract,
    said_of,
)
from scripts.example_calls import REFUSAL

_NOTE = "<!-- Written by `make generate` from proto/render/v1; do not edit. -->\n"
_REASONS = "ErrorReason"
_FIRST_PAGE = """# API

The contract is `render.v1`, in [`proto/render/v1`]({proto}). It imports only `google/protobuf`. These pages are
generated from its comments. Fields are added, never renumbered or given another meaning: `make check` refuses changes
that would break callers.

In JSON, write field names `like_this` or `likeThis`, a `Duration` as `"2.5s"`, a `Timestamp` as
`"2026-01-31T12:00:00Z"`, and bytes as Base64; 64-bit numbers are strings. `optional` marks a field whose absence
differs from its zero value.

Every field and every value has an anchor, such as [`project.md#shot.image_uri`](project.md#shot.image_uri). Every RPC
has an example from a real run; requests are written as [grpcurl](../../../clients/grpcurl/README.md) takes them. All of
it in one file, for programs that write code: [contract.md](../contract.md).

"""


def _named(type_name: str, part: str, shown: str = "") -> str:
    """Return the name of a field or value for the first cell of its row, with its anchor and a link to it."""
    name = anchor(type_name, part)
    return f'<a id="{name}"></a>[`{shown or part}`](#{name})'


def _cell(text: str) -> str:
    return text.replace("\n\n", " ").replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _sections(*sections: str) -> str:
    return "\n".join(section.rstrip() + "\n" for section in sections if section.strip())


def _fields(contract: Contract, file: FileDescriptorProto, message: DescriptorProto) -> str:
    index = list(file.message_type).index(message)
    rows = []
    for position, field in enumerate(message.field):
        text = contract.linked(file, said_of(field.name, contract.comment(file, MESSAGE, index, PART, position)))
        if field.HasField("oneof_index") and not field.proto3_optional:
            text += f" One of `{message.oneof_decl[field.oneof_index].name}`."
        rows.append((_named(message.name, field.name), contract.type_of(file, field), text))
    return _table(("field", "type", "meaning"), rows) if rows else "No fields.\n"


def _enum(contract: Contract, file: FileDescriptorProto, enum: EnumDescriptorProto) -> str:
    index = list(file.enum_type).index(enum)
    rows = [
        (
            _named(enum.name, value.name),
            str(value.number),
            contract.linked(file, contract.comment(file, ENUM, index, PART, position)),
        )
        for position, value in enumerate(enum.value)
    ]
    return _table(("value", "number", "meaning"), rows)


def _types(contract: Contract, file: FileDescriptorProto, level: str, without: set[str]) -> Iterator[str]:
    for each in in_reading_order(file):
        if each.name in without:
            continue
        yield f"{level} {each.name}\n"
        if isinstance(each, DescriptorProto):
            yield contract.linked(file, contract.comment(file, MESSAGE, list(file.message_type).index(each)))
            yield _fields(contract, file, each)
        else:
            yield contract.linked(file, contract.comment(file, ENUM, list(file.enum_type).index(each)))
            yield _enum(contract, file, each)


def _method(contract: Contract, file: FileDescriptorProto, method: MethodDescriptorProto, text: str) -> Iterator[str]:
    messages = {f".{file.package}.{message.name}": message for message in file.message_type}
    yield f"## {method.name}\n"
    yield contract.linked(file, text)
    yield f"### {method.input_type.rpartition('.')[2]}\n"
    yield _fields(contract, file, messages[method.input_type])
    yield f"### {method.output_type.rpartition('.')[2]}\n"
    if method.server_streaming:
        yield "A stream of:\n"
    yield _fields(contract, file, messages[method.output_type])
    yield f"### Example of {method.name}\n"
    name = f"{file.service[0].name}/{method.name}"
    if name not in contract.examples:
        raise ValueError(f"{name} has no example: add a call to scripts/example_calls.py, then record it")
    yield from _example(contract.examples[name], streams=method.server_streaming)


def _example(example: Mapping[str, Any], *, streams: bool) -> Iterator[str]:
    """Give the blocks of a recorded call: of a stream, the first and the last message."""
    answers = example["answers"]
    yield "Request:\n"
    yield _json(example["request"])
    yield "The first message of the stream:\n" if streams and len(answers) > 1 else "Response:\n"
    yield _json(answers[0])
    if len(answers) > 1:
        yield f"The last of {len(answers)}:\n" if len(answers) > 2 else "The second:\n"
        yield _json(answers[-1])


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def _service_page(contract: Contract, file: FileDescriptorProto, service: ServiceDescriptorProto) -> str:
    texts = [contract.comment(file, SERVICE, 0, PART, position) for position in range(len(service.method))]
    sections = [
        f"# {service.name}\n",
        contract.linked(file, contract.comment(file, SERVICE, 0)),
    ]
    shown: set[str] = set()
    for method, text in zip(service.method, texts, strict=True):
        sections += _method(contract, file, method, text)
        shown |= {name.rpartition(".")[2] for name in (method.input_type, method.output_type)}
    others = list(_types(contract, file, "###", shown))
    return _sections(*sections, *(["## Messages\n", *others] if others else []))


def _reasons_page(contract: Contract, file: FileDescriptorProto) -> str:
    (enum,) = file.enum_type
    refused, failed = [], []
    for position, value in enumerate(enum.value):
        meaning, _, rest = contract.comment(file, ENUM, 0, PART, position).partition("\n\n")
        found = re.fullmatch(r"(?:Status: (?P<status>.+?)|On a failed job)\. Example: (?P<example>`.*`)", rest)
        if position == 0:
            continue
        if found is None:
            raise ValueError(f"{value.name}: its comment must give status and example")
        name = _named(enum.name, value.name, value.name.removeprefix("ERROR_REASON_"))
        meaning = contract.linked(file, meaning)
        if found["status"]:
            refused.append((name, found["status"], meaning, found["example"]))
        else:
            failed.append((name, meaning, found["example"]))
    return _sections(
        "# Error reasons\n",
        contract.comment(file, ENUM, 0),
        "## Of refused calls\n",
        _table(("reason", "status", "meaning", "metadata, for example"), refused),
        "## Of failed jobs\n",
        _table(("reason", "meaning", "metadata, for example"), failed),
    )


def _page(contract: Contract, file: FileDescriptorProto) -> str:
    if file.service:
        return _service_page(contract, file, file.service[0])
    if any(enum.name == _REASONS for enum in file.enum_type):
        return _reasons_page(contract, file)
    title = Path(file.name).stem.replace("_", " ").capitalize()
    about = contract.linked(file, contract.of_package(file))
    return _sections(f"# {title}\n", about, *_types(contract, file, "##", set()))


def _first_page(contract: Contract) -> str:
    rows: list[tuple[str, str]] = []
    for file in contract.files:
        for service in file.service:
            for position, method in enumerate(service.method):
                text = contract.comment(file, SERVICE, 0, PART, position)
                rows.append(
                    (
                        f"[{service.name}.{method.name}]({page_name(file)}#{method.name.lower()})",
                        said_of(method.name, _first(text)),
                    )
                )
    types = [
        (
            f"[{_page(contract, file).splitlines()[0].removeprefix('# ')}]({page_name(file)})",
            _first(contract.of_package(file)),
        )
        for file in contract.files
        if not file.service
    ]
    proto = "../../../proto/render/v1/render_service.proto"
    return _sections(
        _FIRST_PAGE.format(proto=proto),
        _table(("RPC", "description"), rows),
        _table(("types", "description"), types),
        "## Example of a refused call\n",
        "The status of a refused call has details: `ErrorInfo` with the [reason](error-reason.md), and\n"
        "`BadRequest` with every invalid field.\n",
        *_example(contract.examples[REFUSAL], streams=False),
    )


def _first(text: str) -> str:
    """Return the first sentence."""
    return re.split(r"(?<=[.])\s+(?=[A-Z])", text, maxsplit=1)[0]


def generate() -> dict[str, str]:
    """Return the pages by name."""
    contract = read_contract()
    pages = {page_name(file): _page(contract, file) for file in contract.files}
    return {name: _NOTE + "\n" + text for name, text in {**pages, "README.md": _first_page(contract)}.items()}


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if a page is stale")
    fresh = generate()
    folder = ROOT / TARGET
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    if parser.parse_args().check:
        stale = sorted(name for name in fresh.keys() | kept.keys() if fresh.get(name) != kept.get(name))
        for name in stale:
            print(f"stale: {TARGET / name} (run `make generate`)", file=sys.stderr)
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in kept.keys() - fresh.keys():
        (folder / name).unlink()
    for name, text in fresh.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
