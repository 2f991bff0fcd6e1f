"""Writes JSON with comments in one layout."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import chain

from render_client.projects_file.json_reader import JsonDocument
from render_client.projects_file.tree import Comments, Item, Mapping, Member, Node, Sequence

_WIDTH = 120
_INDENT = "  "


def write_json(document: JsonDocument) -> str:
    """Return a document as text: two blanks of indent, and on one line only what was and fits into 120 characters."""
    lines = [*document.comments.before, " ".join([_value(document.root, ""), *document.comments.after]), *document.end]
    return "\n".join(lines) + "\n"


def _value(node: Node, indent: str, before: int = 0) -> str:
    """Return a value.

    Args:
        node: The value.
        indent: Blanks that its line begins with.
        before: Characters on its line before it, beside the indent.
    """
    if not isinstance(node, (Mapping, Sequence)):
        return node.raw
    opening, closing = ("{", "}") if isinstance(node, Mapping) else ("[", "]")
    entries: Collection[Member | Item] = node.members if isinstance(node, Mapping) else node.items
    if not entries and not node.dangling:
        return opening + closing
    if node.is_inline and not _has_comments(node):
        line = _inline(node)
        if len(indent) + before + len(line) < _WIDTH:
            return line
    inner = indent + _INDENT
    lines = chain.from_iterable(
        _entry(entry, inner, is_first=index == 0, is_last=index == len(entries) - 1)
        for index, entry in enumerate(entries)
    )
    return "\n".join([opening, *lines, *(inner + comment for comment in node.dangling), indent + closing])


def _entry(entry: Member | Item, indent: str, *, is_first: bool, is_last: bool) -> Iterator[str]:
    if entry.comments.gap and not is_first:
        yield ""
    yield from (indent + comment for comment in entry.comments.before)
    name = f"{_name(entry)}: " if isinstance(entry, Member) else ""
    value = _value(entry.value, indent, len(name))
    yield " ".join([f"{indent}{name}{value}{'' if is_last else ','}", *entry.comments.after])


def _inline(node: Node) -> str:
    if isinstance(node, Mapping):
        inner = ", ".join(f"{_name(member)}: {_inline(member.value)}" for member in node.members)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(node, Sequence):
        return f"[{', '.join(_inline(item.value) for item in node.items)}]"
    return node.raw


def _name(member: Member) -> str:
    return json.dumps(member.name, ensure_ascii=False)


def _has_comments(node: Node) -> bool:
    if not isinstance(node, (Mapping, Sequence)):
        return False
    entries: Collection[Member | Item] = node.members if isinstance(node, Mapping) else node.items
    return bool(node.dangling) or any(
        entry.comments != Comments(gap=entry.comments.gap) or _has_comments(entry.value) for entry in entries
    )
