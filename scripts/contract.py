"""The contract with its comments: what each page of the API reference shows, and where its parts are described."""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path("docs/reference/api")
# Field numbers within the descriptors' own messages, which paths of comments are made of: see descriptor.proto.
MESSAGE, ENUM, SERVICE, PART, PACKAGE = 4, 5, 6, 2, 2


class Contract:
    """The files of the contract with their comments, and the page of each type."""

    def __init__(self, files: Iterable[FileDescriptorProto], examples: Mapping[str, Any]) -> None:
        self.files = list(files)
        self.examples = examples
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
        self._linked = dict(self._anchors())

    def _anchors(self) -> Iterator[tuple[str, str]]:
        """Give what comments may name, with its page and anchor: `Shot.image_uri`, error reasons, values of enums."""
        for file in self.files:
            page = page_name(file)
            for message in file.message_type:
                for field in message.field:
                    yield f"{message.name}.{field.name}", f"{page}#{anchor(message.name, field.name)}"
            for enum in file.enum_type:
                for value in enum.value:
                    name = value.name.removeprefix("ERROR_REASON_")
                    yield f"`{name}`", f"{page}#{anchor(enum.name, value.name)}"

    def linked(self, file: FileDescriptorProto, text: str) -> str:
        """Return a text in which the fields, values and error reasons that it names are links."""

        def link(found: re.Match[str]) -> str:
            target = self._linked.get(found[0])
            if target is None:
                return found[0]
            page, _, name = target.partition("#")
            return f"[{found[0]}]({'' if page == page_name(file) else page}#{name})"

        return re.sub(r"(?<![\w.`])[A-Z]\w+\.[a-z_]+\b|`[A-Z][A-Z_]+`", link, text)

    def comment(self, file: FileDescriptorProto, *path: int) -> str:
        """Return the comment above a part of a file: its paragraphs, each on one line."""
        text = self._comments.get((file.name, path), "")
        paragraphs = re.split(r"\n\s*\n", text)
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    def of_package(self, file: FileDescriptorProto) -> str:
        """Return the comment above the package line, which describes the file."""
        return self.comment(file, PACKAGE)

    def of_message(self, name: str) -> str:
        """Return the comment above a message, such as `Shot`."""
        file, index = self._find(name, MESSAGE)
        return self.comment(file, MESSAGE, index)

    def of_field(self, message: str, field: str) -> str:
        """Return what the comment above a field says of it, as a sentence."""
        file, index = self._find(message, MESSAGE)
        names = [each.name for each in file.message_type[index].field]
        return said_of(field, self.comment(file, MESSAGE, index, PART, names.index(field)))

    def of_value(self, enum: str, value: str) -> str:
        """Return the comment above a value of an enum."""
        file, index = self._find(enum, ENUM)
        names = [each.name for each in file.enum_type[index].value]
        return self.comment(file, ENUM, index, PART, names.index(value))

    def _find(self, name: str, part: int) -> tuple[FileDescriptorProto, int]:
        for file in self.files:
            names = _names(file.message_type if part == MESSAGE else file.enum_type)
            if name in names:
                return file, names.index(name)
        raise KeyError(name)

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


def said_of(name: str, text: str) -> str:
    """Return a comment such as `width is …` or `ListJobs returns …` without the name, for a row that begins with it."""
    rest = re.sub(rf"^{name} (?:is |are |(?=(?!as )[a-z]+s ))", "", text)
    if "_" in name and rest == text and text.startswith(name):
        return f"`{name}`{text.removeprefix(name)}"
    return rest[:1].upper() + rest[1:]


def anchor(type_name: str, part: str) -> str:
    """Return the anchor of a field or of a value of an enum."""
    return f"{type_name}.{part}".lower()


def _names(types: Iterable[DescriptorProto] | Iterable[EnumDescriptorProto]) -> list[str]:
    return [each.name for each in types]


def _nested(file: FileDescriptorProto) -> Iterator[DescriptorProto]:
    for message in file.message_type:
        yield from message.nested_type


def _scalar(field: FieldDescriptorProto) -> str:
    return f"`{FieldDescriptorProto.Type.Name(field.type).removeprefix('TYPE_').lower()}`"


_Types = Mapping[str, DescriptorProto | EnumDescriptorProto]


def in_reading_order(file: FileDescriptorProto) -> Iterator[DescriptorProto | EnumDescriptorProto]:
    """Give the types of a file: each after the first type that has a field of it, as people meet them."""
    messages = {f".{file.package}.{each.name}": each for each in file.message_type}
    types: _Types = {**messages, **{f".{file.package}.{each.name}": each for each in file.enum_type}}
    inputs = [method.input_type for service in file.service for method in service.method]
    outputs = [method.output_type for service in file.service for method in service.method]
    used = {field.type_name for name, message in messages.items() for field in message.field if field.type_name != name}
    unused = [name for name in types if name not in used]
    # The type that reaches most comes first: a project before its view.
    unused.sort(key=lambda name: -len(list(_reached(name, types, set()))))
    met: set[str] = set()
    methods = [name for pair in zip(inputs, outputs, strict=True) for name in pair]
    for name in [*methods, *unused, *types]:
        yield from _reached(name, types, met)


def _reached(name: str, types: _Types, met: set[str]) -> Iterator[DescriptorProto | EnumDescriptorProto]:
    """Give a type and those that its fields lead to, without those that were met before."""
    each = types.get(name)
    if each is None or name in met:
        return
    met.add(name)
    yield each
    if isinstance(each, DescriptorProto):
        for field in each.field:
            yield from _reached(field.type_name, types, met)


def read_contract() -> Contract:
    """Return the contract as it is in proto/, with the recorded examples."""
    built = subprocess.run(
        ["buf", "build", "proto", "--as-file-descriptor-set", "-o", "-#format=binpb"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    files = [file for file in FileDescriptorSet.FromString(built.stdout).file if file.package == "render.v1"]
    examples = json.loads((ROOT / TARGET / "examples.json").read_text(encoding="utf-8"))
    return Contract(sorted(files, key=lambda file: file.name), examples)
