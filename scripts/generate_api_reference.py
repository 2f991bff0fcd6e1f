"""Writes docs/reference/api from the comments of the contract, or checks that it is current (`--check`)."""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path("docs/reference/api")
_NOTE = "<!-- Written by `make generate` from proto/render/v1; do not edit. -->\n"
_REASONS = "ErrorReason"
# Field numbers within the descriptors' own messages, which paths of comments are made of: see descriptor.proto.
_MESSAGE, _ENUM, _SERVICE, _PART, _PACKAGE = 4, 5, 6, 2, 2
_FIRST_PAGE = """# API

The contract is `render.v1`, in [`proto/render/v1`]({proto}). It imports only `google/protobuf`. These pages are
generated from its comments. Fields are added, never renumbered or given another meaning: `make check` refuses changes
that would break callers.

In JSON, write field names `like_this` or `likeThis`, a `Duration` as `"2.5s"`, a `Timestamp` as
`"2026-01-31T12:00:00Z"`, and bytes as Base64; 64-bit numbers are strings. `optional` marks a field whose absence
differs from its zero value.

"""


class Contract:
    """The files of the contract with their comments, and the page of each type."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        self.files = list(files)
        self._comments = {
            (file.name, tuple(location.path)): location.leading_comments.strip()
            for file in self.files
            for location in file.source_code_info.location
        }
        self.page_of = {
            f".{file.package}.{named}": page_name(file)
            for file in self.files
            for named in [*_names(file.message_type), *_names(file.enum_type)]
        }

    def comment(self, file: FileDescriptorProto, *path: int) -> str:
        """Return the comment above a part of a file: its paragraphs, each on one line."""
        text = self._comments.get((file.name, path), "")
        paragraphs = re.split(r"\n\s*\n", text)
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    def of_package(self, file: FileDescriptorProto) -> str:
        """Return the comment above the package line, which describes the file."""
        return self.comment(file, _PACKAGE)

    def type_of(self, file: FileDescriptorProto, field: FieldDescriptorProto) -> str:
        """Return a field's type in words, with a link to its description."""
        entry = next((each for each in _nested(file) if field.type_name.endswith(f".{each.name}")), None)
        if entry is not None:
            key, value = entry.field
            return f"map of {self.type_of(file, key)} to {self.type_of(file, value)}"
        word = self.link(file, field.type_name) if field.type_name else _scalar(field)
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            return f"list of {word}"
        return f"optional {word}" if field.proto3_optional else word

    def link(self, file: FileDescriptorProto, type_name: str) -> str:
        """Return a type's name, with a link if it has a page."""
        short = type_name.rpartition(".")[2]
        page = self.page_of.get(type_name)
        if page is None:
            return f"`{short}`"
        return f"[{short}]({'' if page == page_name(file) else page}#{short.lower()})"


def page_name(file: FileDescriptorProto) -> str:
    """Return the name of a file's page."""
    return Path(file.name).stem.replace("_", "-") + ".md"


def _names(types: Iterable[DescriptorProto] | Iterable[EnumDescriptorProto]) -> list[str]:
    return [each.name for each in types]


def _nested(file: FileDescriptorProto) -> Iterator[DescriptorProto]:
    for message in file.message_type:
        yield from message.nested_type


def _scalar(field: FieldDescriptorProto) -> str:
    return f"`{FieldDescriptorProto.Type.Name(field.type).removeprefix('TYPE_').lower()}`"


def _said_of(name: str, text: str) -> str:
    """Return a comment such as `width is …` or `ListJobs returns …` without the name, for a row that begins with it."""
    rest = re.sub(rf"^{name} (?:is |are |(?=(?!as )[a-z]+s ))", "", text)
    if "_" in name and rest == text and text.startswith(name):
        return f"`{name}`{text.removeprefix(name)}"
    return rest[:1].upper() + rest[1:]


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
        text = _said_of(field.name, contract.comment(file, _MESSAGE, index, _PART, position))
        if field.HasField("oneof_index") and not field.proto3_optional:
            text += f" One of `{message.oneof_decl[field.oneof_index].name}`."
        rows.append((f"`{field.name}`", contract.type_of(file, field), text))
    return _table(("field", "type", "meaning"), rows) if rows else "No fields.\n"


def _enum(contract: Contract, file: FileDescriptorProto, enum: EnumDescriptorProto) -> str:
    index = list(file.enum_type).index(enum)
    rows = [
        (f"`{value.name}`", str(value.number), contract.comment(file, _ENUM, index, _PART, position))
        for position, value in enumerate(enum.value)
    ]
    return _table(("value", "number", "meaning"), rows)


def _types(contract: Contract, file: FileDescriptorProto, level: str, without: set[str]) -> Iterator[str]:
    for index, message in enumerate(file.message_type):
        if message.name not in without:
            yield f"{level} {message.name}\n"
            yield contract.comment(file, _MESSAGE, index)
            yield _fields(contract, file, message)
    for index, enum in enumerate(file.enum_type):
        yield f"{level} {enum.name}\n"
        yield contract.comment(file, _ENUM, index)
        yield _enum(contract, file, enum)


def _method(contract: Contract, file: FileDescriptorProto, method: MethodDescriptorProto, text: str) -> Iterator[str]:
    messages = {f".{file.package}.{message.name}": message for message in file.message_type}
    yield f"## {method.name}\n"
    yield text
    yield f"### {method.input_type.rpartition('.')[2]}\n"
    yield _fields(contract, file, messages[method.input_type])
    yield f"### {method.output_type.rpartition('.')[2]}\n"
    if method.server_streaming:
        yield "A stream of:\n"
    yield _fields(contract, file, messages[method.output_type])


def _service_page(contract: Contract, file: FileDescriptorProto, service: ServiceDescriptorProto) -> str:
    texts = [contract.comment(file, _SERVICE, 0, _PART, position) for position in range(len(service.method))]
    sections = [
        f"# {service.name}\n",
        contract.comment(file, _SERVICE, 0),
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
        meaning, _, rest = contract.comment(file, _ENUM, 0, _PART, position).partition("\n\n")
        found = re.fullmatch(r"(?:Status: (?P<status>.+?)|On a failed job)\. Example: (?P<example>`.*`)", rest)
        if position == 0:
            continue
        if found is None:
            raise ValueError(f"{value.name}: its comment must give status and example")
        name = f"`{value.name.removeprefix('ERROR_REASON_')}`"
        if found["status"]:
            refused.append((name, found["status"], meaning, found["example"]))
        else:
            failed.append((name, meaning, found["example"]))
    return _sections(
        "# Error reasons\n",
        contract.comment(file, _ENUM, 0),
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
    return _sections(f"# {title}\n", contract.of_package(file), *_types(contract, file, "##", set()))


def _first_page(contract: Contract) -> str:
    rows: list[tuple[str, str]] = []
    for file in contract.files:
        for service in file.service:
            for position, method in enumerate(service.method):
                text = contract.comment(file, _SERVICE, 0, _PART, position)
                rows.append(
                    (
                        f"[{service.name}.{method.name}]({page_name(file)}#{method.name.lower()})",
                        _said_of(method.name, _first(text)),
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
    )


def _first(text: str) -> str:
    """Return the first sentence."""
    return re.split(r"(?<=[.])\s+(?=[A-Z])", text, maxsplit=1)[0]


def generate() -> dict[str, str]:
    """Return the pages by name."""
    built = subprocess.run(
        ["buf", "build", "proto", "--as-file-descriptor-set", "-o", "-#format=binpb"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    files = [file for file in FileDescriptorSet.FromString(built.stdout).file if file.package == "render.v1"]
    contract = Contract(sorted(files, key=lambda file: file.name))
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
