"""A project file as a tree: what JSON and YAML have in common, with the place of every part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

# Far more than a project can nest.
DEPTH_LIMIT = 64

Plain = Union[str, int, float, bool, None]


class SyntaxFault(ValueError):
    """The text is not JSON or YAML.

    Args:
        message: What is wrong.
        line: Line, from 1.
        column: Column in characters, from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass
class Scalar:
    """A text, number, truth value or null.

    Attributes:
        value: Its value.
        raw: How it is written.
        line: Line where it begins, from 1.
        column: Column where it begins, from 1.
    """

    value: Plain
    raw: str
    line: int
    column: int


@dataclass
class Comments:
    """The comments around a member, an item or the document, as they are written.

    Attributes:
        before: Those on lines of their own before it.
        after: Those behind it on its line.
        gap: Whether an empty line comes before it and its comments.
    """

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    gap: bool = False


@dataclass
class Member:
    """A named value of a mapping; `line` and `column` are those of the name."""

    name: str
    value: Node
    line: int
    column: int
    comments: Comments = field(default_factory=Comments)


@dataclass
class Item:
    """A value of a sequence."""

    value: Node
    comments: Comments = field(default_factory=Comments)


@dataclass
class Mapping:
    """Named values. `is_inline`: whether it is written on one line; `dangling`: comments before its end."""

    members: list[Member]
    line: int
    column: int
    is_inline: bool = False
    dangling: list[str] = field(default_factory=list)


@dataclass
class Sequence:
    """Values in order. `is_inline`: whether it is written on one line; `dangling`: comments before its end."""

    items: list[Item]
    line: int
    column: int
    is_inline: bool = False
    dangling: list[str] = field(default_factory=list)


Node = Union[Scalar, Mapping, Sequence]


def plain(node: Node) -> object:
    """Return the value of a node as lists, dicts and scalars."""
    if isinstance(node, Mapping):
        return {member.name: plain(member.value) for member in node.members}
    if isinstance(node, Sequence):
        return [plain(item.value) for item in node.items]
    return node.value
