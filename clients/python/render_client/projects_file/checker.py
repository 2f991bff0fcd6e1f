"""Checks the tree of a project file against the contract, and finds all faults at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from render_client.projects_file.faults import FileFault
from render_client.projects_file.names import SCHEMA_FIELD, enum_names, fields_by_name, is_repeated, is_uri, short_name
from render_client.projects_file.tree import Mapping, Member, Node, Scalar, Sequence, plain
from render_client.v1 import project_pb2

PROJECT = project_pb2.Project.DESCRIPTOR
_DURATION = re.compile(r"^[0-9]{1,9}(\.[0-9]{1,9})?s$")
_HALF_A_PAIR = re.compile(r"[\ud800-\udfff]")
_INTEGERS = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64)
_DECIMALS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
_WANTED = {
    FieldDescriptor.TYPE_BOOL: "must be true or false",
    **dict.fromkeys(_INTEGERS, "must be a whole number of at most 32 bits"),
    **dict.fromkeys(_DECIMALS, "must be a number"),
}
_WELL_KNOWN = {
    "google.protobuf.Duration": 'must be a duration in seconds, such as "2.5s"',
    "google.protobuf.Timestamp": 'must be a time, such as "2026-01-31T12:00:00Z"',
}


class Checker:
    """Collects the faults of a project file, and the value that protobuf's parser takes.

    Args:
        resolve: Converts what a URI field holds; raises ValueError with the fault.
        kind: The message that the file holds.
    """

    def __init__(self, resolve: Callable[[str], str], kind: Descriptor = PROJECT) -> None:
        self._resolve = resolve
        self._kind = kind
        self.faults: list[FileFault] = []
        self.places: dict[str, tuple[int, int]] = {}
        """Line and column of each field by its path, such as `storyboard.shots[0].duration`."""

    def check(self, root: Node) -> dict[str, Any]:
        """Check a file.

        Returns:
            The JSON form of its message; meaningless if there are faults.
        """
        if not isinstance(root, Mapping):
            self._add("must be an object: fields with their values", "", root)
            return {}
        members = [member for member in root.members if member.name != SCHEMA_FIELD]
        for repeated in [member for member in root.members if member.name == SCHEMA_FIELD][1:]:
            self._add("given twice", SCHEMA_FIELD, repeated)
        return self._message(self._kind, members, "")

    def _message(self, message: Descriptor, members: Iterable[Member], path: str) -> dict[str, Any]:
        fields = fields_by_name(message)
        values: dict[str, Any] = {}
        given: dict[str, str] = {}
        for member in members:
            name = f"{path}{member.name}"
            field = fields.get(member.name)
            if field is None:
                self._add(
                    "no such field" + _suggestion(member.name, [each.name for each in message.fields]), name, member
                )
                continue
            name = f"{path}{field.name}"
            # The alternatives of a `oneof` exclude each other.
            group = field.containing_oneof.name if field.containing_oneof else field.name
            is_null = isinstance(member.value, Scalar) and member.value.value is None
            if name in self.places:
                self._add("given twice", name, member)
                continue
            if group in given and not is_null:
                self._add(f"excludes {given[group]}; give one of them", name, member)
                continue
            self.places[name] = (member.value.line, member.value.column)
            if is_null:
                continue  # As in JSON's protobuf form, null is the same as no value.
            given[group] = field.name
            values[field.name] = self._field(field, member.value, name)
        return values

    def _field(self, field: FieldDescriptor, node: Node, path: str) -> Any:
        if not is_repeated(field):
            return self._value(field, node, path)
        if not isinstance(node, Sequence):
            self._add("must be a list", path, node)
            return []
        values = []
        for index, item in enumerate(node.items):
            name = f"{path}[{index}]"
            self.places[name] = (item.value.line, item.value.column)
            values.append(self._value(field, item.value, name))
        return values

    def _value(self, field: FieldDescriptor, node: Node, path: str) -> Any:
        message = field.message_type
        if message is not None and message.full_name not in _WELL_KNOWN:
            if isinstance(node, Mapping):
                return self._message(message, node.members, f"{path}.")
            self._add("must be an object: fields with their values", path, node)
            return {}
        value = self._scalar(field, node, path)
        if isinstance(value, str) and is_uri(field):
            try:
                return self._resolve(value)
            except ValueError as fault:
                self._add(str(fault), path, node)
        return value

    def _scalar(self, field: FieldDescriptor, node: Node, path: str) -> Any:
        value = plain(node)
        if field.enum_type is not None and isinstance(value, str):
            # Unknown names stay as they are, for the parser to refuse.
            value = enum_names(field.enum_type).get(value, value)
        if not _is_right(field, value):
            self._add(_wanted(field, node), path, node)
        return value

    def _add(self, message: str, path: str, place: Node | Member) -> None:
        self.faults.append(FileFault(message, path, place.line, place.column))


def _is_right(field: FieldDescriptor, value: object) -> bool:
    """Return whether a value is right for a field of no message of the contract."""
    if field.enum_type is not None:
        known = field.enum_type.values_by_name if isinstance(value, str) else field.enum_type.values_by_number
        return isinstance(value, (str, int)) and not isinstance(value, bool) and value in known
    # What most values are; protobuf's parser, which is slower, judges the others.
    if isinstance(value, str) and field.type == FieldDescriptor.TYPE_STRING:
        return _HALF_A_PAIR.search(value) is None
    if isinstance(value, str) and field.message_type is not None and field.message_type.name == "Duration":
        return _DURATION.match(value) is not None or _is_parsed(field, value)
    return _is_parsed(field, value)


def _is_parsed(field: FieldDescriptor, value: object) -> bool:
    """Return whether protobuf's parser accepts a value for a field."""
    assert field.containing_type is not None
    message = message_factory.GetMessageClass(field.containing_type)()
    try:
        json_format.ParseDict({field.name: [value] if is_repeated(field) else value}, message)
        message.SerializeToString()
    # Its releases raise various errors for values of a wrong type, and for text that is not Unicode.
    except (json_format.ParseError, TypeError, ValueError, AttributeError):
        return False
    return True


def _wanted(field: FieldDescriptor, node: Node) -> str:
    """Return what a field must hold, with the remedy for what the node holds."""
    if field.enum_type is not None:
        names = [short_name(field.enum_type, value.name) for value in field.enum_type.values if value.number]
        given = node.value if isinstance(node, Scalar) else None
        like = _suggestion(given.lower().replace("-", "_"), names) if isinstance(given, str) else ""
        return f"must be one of {', '.join(names)}{like}"
    if field.message_type is not None:
        return _WELL_KNOWN[field.message_type.full_name]
    if field.type != FieldDescriptor.TYPE_STRING:
        return _WANTED[field.type]
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return "contains half of a surrogate pair, which is not a character"
    return "must be text" + (f': put it in quotes, "{node.raw[:40]}"' if isinstance(node, Scalar) else "")


def _suggestion(given: str, known: list[str]) -> str:
    like = difflib.get_close_matches(given, known, n=1)
    return f"; did you mean {like[0]}?" if like else ""
