"""The templates of `render init`: complete projects with comments, which need no other file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from render_client.projects_file.formatting import use_full_names, yaml_comments
from render_client.projects_file.json_reader import JsonDocument
from render_client.projects_file.json_writer import write_json
from render_client.projects_file.loading import is_yaml
from render_client.projects_file.tree import Comments, Item, Mapping, Member, Node, Scalar, Sequence
from render_client.projects_file.yaml_reader import read_yaml

TEMPLATES = Path(__file__).resolve().parent / "templates"


def template_text(name: str, path: Path) -> str:
    """Return the text of a template.

    Args:
        name: Its name, such as `news`.
        path: The file to write it to, whose name says whether it is YAML or JSON.
    """
    text = (TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8")
    return text if is_yaml(path) else _to_json(text)


def _to_json(text: str) -> str:
    """Convert YAML, whose comments stand on lines of their own, to JSON with the same comments."""
    root = read_yaml(text)
    assert isinstance(root, Mapping)
    for scalar in _scalars(root):
        scalar.raw = json.dumps(scalar.value, ensure_ascii=False)
    use_full_names(root)
    lines = text.split("\n")
    entries = sorted(_entries(root), key=lambda pair: pair[0])
    about: list[str] = []
    for number, comment in yaml_comments(text):
        written = f"//{comment[1:]}"
        entry = next((entry for line, entry in entries if line > number), None)
        if number == len(about):
            about.append(written)
        elif entry is None:
            root.dangling.append(written)
        else:
            entry.comments.before.append(written)
    for line, entry in entries:
        entry.comments.gap = line > 0 and not lines[line - 1 - len(entry.comments.before)].strip()
    return write_json(JsonDocument(root, Comments(about), []))


def _entries(node: Node) -> Iterator[tuple[int, Member | Item]]:
    """Give the members and items of a node with their lines from 0, in the order of the file."""
    if isinstance(node, Mapping):
        for member in node.members:
            yield member.line - 1, member
            yield from _entries(member.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield item.value.line - 1, item
            yield from _entries(item.value)


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Mapping):
        for member in node.members:
            yield from _scalars(member.value)
    else:
        for item in node.items:
            yield from _scalars(item.value)
