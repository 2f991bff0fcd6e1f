"""Reads JSON with comments (`// …` to the end of the line, and `/* … */`) into a tree that knows its places."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import NamedTuple

from render_client.projects_file.tree import (
    DEPTH_LIMIT,
    Comments,
    Item,
    Mapping,
    Member,
    Node,
    Plain,
    Scalar,
    Sequence,
    SyntaxFault,
)

_BLANK = re.compile(r"[ \t\r\n]*")
_EMPTY_LINE = re.compile(r"\n[ \t\r]*\n")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_STRINGS = JSONDecoder()
_CONSTANTS: dict[str, Plain] = {"true": True, "false": False, "null": None}


@dataclass
class JsonDocument:
    """A JSON text: its comments and its value. `end`: comments after the value."""

    root: Node
    comments: Comments
    end: list[str]


class _Comment(NamedTuple):
    """A comment as it is written, and the offsets where it begins and ends."""

    start: int
    end: int
    text: str


def read_json(text: str) -> JsonDocument:
    """Read JSON with comments.

    Raises:
        SyntaxFault: At the first place where the text is not JSON.
    """
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        # Where the last token ended.
        self._last = 0
        self._line_starts = [0, *(newline.end() for newline in re.finditer("\n", text))]

    def document(self) -> JsonDocument:
        comments = self._first_comments()
        root = self._value(0)
        comments.after, end = self._split(self._find_comments(), self._last)
        if self._at < len(self._text):
            raise self._fault("unexpected text after the end of the object")
        return JsonDocument(root, comments, end)

    def _value(self, depth: int) -> Node:
        if depth > DEPTH_LIMIT:
            raise self._fault("nested too deeply")
        begins = self._at
        character = self._text[begins : begins + 1]
        node: Node
        if character == "{":
            node = self._mapping(depth)
        elif character == "[":
            node = self._sequence(depth)
        elif character == '"':
            line, column = self._place(begins)
            node = Scalar(self._string(), self._text[begins : self._at], line, column)
        else:
            node = self._constant()
        self._last = self._at
        return node

    def _mapping(self, depth: int) -> Mapping:
        mapping = Mapping([], *self._place(self._at))
        begins = self._at
        self._at += 1
        comments = self._first_comments()
        while not self._take("}"):
            line, column = self._place(self._at)
            if self._text[self._at : self._at + 1] != '"':
                raise self._fault("expected a field name in double quotes")
            name = self._string()
            comments.before += _texts(self._find_comments())
            if not self._take(":"):
                raise self._fault("expected ':' after the field name")
            comments.before += _texts(self._find_comments())
            value = self._value(depth + 1)
            member = Member(name, value, line, column, comments)
            mapping.members.append(member)
            comments = self._next(member.comments, "}")
        mapping.dangling = comments.before
        mapping.is_inline = "\n" not in self._text[begins : self._at]
        return mapping

    def _sequence(self, depth: int) -> Sequence:
        sequence = Sequence([], *self._place(self._at))
        begins = self._at
        self._at += 1
        comments = self._first_comments()
        while not self._take("]"):
            item = Item(self._value(depth + 1), comments)
            sequence.items.append(item)
            comments = self._next(item.comments, "]")
        sequence.dangling = comments.before
        sequence.is_inline = "\n" not in self._text[begins : self._at]
        return sequence

    def _next(self, comments: Comments, end: str) -> Comments:
        """Read what stands behind a member or an item, and return the comments before the next one."""
        ended = self._last
        found = self._find_comments()
        if self._text[self._at : self._at + 1] != end:
            if not self._take(","):
                raise self._fault(f"expected ',' or '{end}'")
            comma = self._last
            found += self._find_comments()
            if self._text[self._at : self._at + 1] == end:
                raise self._fault(f"expected no ',' before '{end}'", comma - 1)
        comments.after, before = self._split(found, ended)
        others = found[len(comments.after) :]
        between = found[len(comments.after) - 1].end if comments.after else ended
        gap = self._text[between : others[0].start if others else self._at]
        return Comments(before, gap=_EMPTY_LINE.search(gap) is not None)

    def _constant(self) -> Scalar:
        line, column = self._place(self._at)
        if number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            raw = number[0]
            try:
                return Scalar(float(raw) if number[1] or number[2] else int(raw), raw, line, column)
            except ValueError:  # Python converts at most 4,300 digits.
                raise SyntaxFault("number of too many digits", line, column) from None
        word = _WORD.match(self._text, self._at)
        if word is None or word[0] not in _CONSTANTS:
            what = f"{word[0]}: text needs double quotes" if word else "expected a value"
            raise self._fault(what)
        self._at = word.end()
        return Scalar(_CONSTANTS[word[0]], word[0], line, column)

    def _string(self) -> str:
        try:
            text, self._at = _STRINGS.raw_decode(self._text, self._at)
        except JSONDecodeError as error:
            message = f"{error.msg[:1].lower()}{error.msg[1:]}".removesuffix(" at").removesuffix(" starting")
            raise self._fault(message, error.pos) from None
        return str(text)

    def _first_comments(self) -> Comments:
        return Comments(_texts(self._find_comments()))

    def _find_comments(self) -> list[_Comment]:
        """Skip blanks and comments, and return the comments."""
        found: list[_Comment] = []
        while True:
            blank = _BLANK.match(self._text, self._at)
            assert blank is not None
            self._at = blank.end()
            if not self._text.startswith("/", self._at):
                return found
            comment = _COMMENT.match(self._text, self._at)
            if comment is None:
                raise self._fault(
                    "comment without an end" if self._text.startswith("/*", self._at) else "expected a value"
                )
            found.append(_Comment(comment.start(), comment.end(), comment[0].rstrip()))
            self._at = comment.end()

    def _split(self, found: list[_Comment], ended: int) -> tuple[list[str], list[str]]:
        """Split comments into those on the line where something ended, and the others."""
        if not found:
            return [], []
        line = self._place(ended)[0]
        same = [comment.text for comment in found if self._place(comment.start)[0] == line]
        return same, _texts(found)[len(same) :]

    def _take(self, character: str) -> bool:
        if self._text.startswith(character, self._at):
            self._at += 1
            self._last = self._at
            return True
        return False

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def _fault(self, message: str, offset: int | None = None) -> SyntaxFault:
        return SyntaxFault(message, *self._place(self._at if offset is None else offset))


def _texts(comments: list[_Comment]) -> list[str]:
    return [comment.text for comment in comments]
