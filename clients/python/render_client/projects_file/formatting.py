"""Formats project files: one layout, names as in the contract, and every comment kept."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor

from render_client.projects_file.checker import PROJECT, Checker
from render_client.projects_file.faults import FileFault, ProjectFileError
from render_client.projects_file.json_reader import read_json
from render_client.projects_file.json_writer import write_json
from render_client.projects_file.loading import is_yaml, read_text, read_tree
from render_client.projects_file.names import enum_names, fields_by_name, short_name
from render_client.projects_file.tree import Mapping, Member, Node, Scalar, Sequence
from render_client.projects_file.yaml_reader import new_yaml

_DOCUMENT_START = re.compile(r"\A((?:[ \t]*(?:#.*)?\n)*)---[ \t]*\n")
_NO_WRAPPING = 1_000_000


def format_project(path: Path) -> str:
    """Return a project file's text in the usual layout.

    Fields are named as in the contract (`image_uri`), enum values in full in JSON, so that any parser of protobuf's
    JSON form reads them, and short in YAML (`zoom_in`).

    Args:
        path: The file, JSON or YAML. It is not changed, and the files that it names need not exist.

    Returns:
        The text; it has the same values and the same comments.

    Raises:
        ProjectFileError: If the file is invalid, or cannot be formatted without losing a comment.
    """
    text = read_text(path)
    values = _values(path, text)
    formatted = _format_yaml(path, text) if is_yaml(path) else _format_json(text)
    if _values(path, formatted) != values:
        raise ProjectFileError(path, [FileFault("cannot be formatted without changing its values")])
    if is_yaml(path) and (lost := _comment_texts(text) - _comment_texts(formatted)):
        raise ProjectFileError(path, [FileFault(f"cannot be formatted without losing the comment {min(lost)!r}")])
    return formatted


def _values(path: Path, text: str) -> dict[str, Any]:
    checker = Checker(lambda uri: uri)
    values = checker.check(read_tree(path, text))
    if checker.faults:
        raise ProjectFileError(path, checker.faults)
    return values


def _format_json(text: str) -> str:
    document = read_json(text)
    use_full_names(document.root)
    return write_json(document)


def use_full_names(root: Node) -> None:
    """Name the fields and enum values of a valid project as in the contract, in the form that JSON takes."""
    for part, new in renamed(root, PROJECT, lambda enum, name: enum_names(enum)[name]):
        if isinstance(part, Member):
            part.name = new
        else:
            part.raw = json.dumps(new)


def _format_yaml(path: Path, text: str) -> str:
    lines = text.split("\n")
    parts = renamed(read_tree(path, text), PROJECT, lambda enum, name: short_name(enum, enum_names(enum)[name]))
    # An alias gives its value twice, at one place.
    places = {
        (part.line, part.column): (part.name if isinstance(part, Member) else part.raw, new) for part, new in parts
    }
    # From the end, so that the places of those before stay right.
    for (line, column), (old, new) in sorted(places.items(), reverse=True):
        before, behind = lines[line - 1][: column - 1], lines[line - 1][column - 1 :]
        quote = behind[0] if behind[0] in "\"'" else ""
        if behind.startswith(quote + old):
            lines[line - 1] = before + quote + new + behind[len(quote + old) :]
    yaml = new_yaml()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = _NO_WRAPPING
    written = io.StringIO()
    # ruamel.yaml would lose the comments before a mark of the document's start, which says nothing.
    yaml.dump(yaml.load(_DOCUMENT_START.sub(r"\1", "\n".join(lines))), written)
    return _aligned(written.getvalue().lstrip("\n"))


def renamed(
    node: Node, message: Descriptor, name_of: Callable[[EnumDescriptor, str], str]
) -> Iterator[tuple[Member | Scalar, str]]:
    """Give the members and enum values of a valid project whose names change, with their new names."""
    if not isinstance(node, Mapping):
        return
    for member in node.members:
        field = fields_by_name(message).get(member.name)
        if field is None:  # `$schema`
            continue
        if member.name != field.name:
            yield member, field.name
        values = [item.value for item in member.value.items] if isinstance(member.value, Sequence) else [member.value]
        for value in values:
            if field.enum_type is not None and isinstance(value, Scalar) and isinstance(value.value, str):
                new = name_of(field.enum_type, value.value)
                if new != value.value:
                    yield value, new
            elif field.message_type is not None:
                yield from renamed(value, field.message_type, name_of)


def _comment_texts(text: str) -> Counter[str]:
    return Counter(comment for _, comment in yaml_comments(text))


def _aligned(text: str) -> str:
    """Return YAML with comments that are deeper than the line before as deep as the next: ruamel keeps columns."""
    lines = text.rstrip("\n").split("\n")
    own = {number for number, _ in yaml_comments(text) if lines[number].lstrip().startswith("#")}
    depths = [len(line) - len(line.lstrip()) for line in lines]
    content = [number for number, line in enumerate(lines) if line.strip() and number not in own]
    for number in sorted(own):
        former = next((depths[each] for each in reversed(content) if each < number), 0)
        following = next((depths[each] for each in content if each > number), 0)
        if depths[number] > former:
            lines[number] = " " * following + lines[number].lstrip()
    return "".join(f"{line}\n" for line in lines)


def yaml_comments(text: str) -> list[tuple[int, str]]:
    """Return the comments of a YAML text, which are what stands between its tokens, with their lines from 0."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - of an extra, and slow to import

    comments: list[tuple[int, str]] = []
    ended = 0
    ends = [(token.start_mark.index, token.end_mark.index) for token in YAML(typ="safe", pure=True).scan(text)]
    for start, end in [*ends, (len(text), len(text))]:
        gap = text[ended : max(start, ended)]
        found = re.finditer(r"#.*", gap)
        comments += [(text.count("\n", 0, ended + each.start()), each[0].strip()) for each in found]
        ended = max(end, ended)
    return comments
