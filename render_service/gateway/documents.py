"""Checks a JSON document against the contract, strictly, and finds all faults at once.

protobuf's own parser stops at the first fault, names the field only of some, and reads `[]` as an empty message.
"""

import re
from collections.abc import Callable
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from render_client.projects_file.names import SCHEMA_FIELD, enum_names, fields_by_name

from render_service.domain.errors import FieldFault

MAX_FAULTS = 100
_MAX_DEPTH = 64
_HALF_A_PAIR = re.compile(r"[\ud800-\udfff]")
_HALF = "has half of a surrogate pair, which is not a character"
_DURATION = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s")
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_JSON_KINDS = frozenset({"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"})
_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}


def read_document(document: dict[str, Any], message: Message, faults: list[FieldFault]) -> None:
    """Fill a message from the JSON form of it.

    Names of fields may be as in the contract or in JSON's form, and enum values full or short, as in project files.

    Args:
        document: The JSON form.
        message: An empty message; meaningless if there are faults.
        faults: Receives every fault with the path of its field, at most `MAX_FAULTS`.
    """
    checker = _Checker(faults)
    read = checker.message(cast("Descriptor", message.DESCRIPTOR), document, "", 0)
    if faults:
        return
    try:
        json_format.ParseDict(read, message)
    except json_format.ParseError as error:
        # What is left is rare: text that is no Base64, and the like.
        faults.append(FieldFault("request", str(error).split("\n", 1)[0]))


class _Checker:
    def __init__(self, faults: list[FieldFault]) -> None:
        self._faults = faults

    def message(self, descriptor: Descriptor, value: Any, path: str, depth: int) -> Any:
        """Return a document with the full names of fields and enum values."""
        if not isinstance(value, dict):
            return self._refuse(path, "must be an object")
        if depth > _MAX_DEPTH:
            return self._refuse(path, "is nested too deeply")
        fields = fields_by_name(descriptor)
        read: dict[str, Any] = {}
        chosen: dict[str, str] = {}
        for name, item in value.items():
            field = fields.get(name)
            if field is None:
                if name != SCHEMA_FIELD:
                    self._refuse(_join(path, name), f"{descriptor.name} has no such field")
                continue
            if item is None:
                continue
            where = _join(path, field.name)
            group = field.containing_oneof.name if field.containing_oneof else field.name
            if group in chosen:
                same = chosen[group] == field.name
                self._refuse(where, "is given twice" if same else f"excludes {chosen[group]}: give one of them")
                continue
            chosen[group] = field.name
            read[field.name] = self._field(field, item, where, depth)
        return read

    def _field(self, field: FieldDescriptor, value: Any, path: str, depth: int) -> Any:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            if not isinstance(value, dict):
                return self._refuse(path, "must be an object")
            kind = entry.fields_by_name["value"]
            for key in filter(_HALF_A_PAIR.search, value):
                self._refuse(f"{path}[{key}]", _HALF)
            return {key: self._value(kind, item, f"{path}[{key}]", depth) for key, item in value.items()}
        if not field.is_repeated:
            return self._value(field, value, path, depth)
        if not isinstance(value, list):
            return self._refuse(path, "must be a list")
        return [self._value(field, item, f"{path}[{index}]", depth) for index, item in enumerate(value)]

    def _value(self, field: FieldDescriptor, value: Any, path: str, depth: int) -> Any:
        if field.enum_type is not None:
            return self._enum(field, value, path)
        kind = field.message_type
        if kind is None:
            check = _SCALARS[field.type]
            fault = check(field, value)
        elif kind.full_name == "google.protobuf.Duration":
            fault = "" if isinstance(value, str) and _DURATION.fullmatch(value) else 'must be a duration such as "2.5s"'
        elif kind.full_name == "google.protobuf.Timestamp":
            fault = "" if _is_parsed(kind, value) else 'must be a time such as "2026-01-31T12:00:00Z"'
        elif kind.full_name in _JSON_KINDS:
            fault = "" if _is_parsed(kind, value) else "must be a JSON object of text, numbers, lists and objects"
        else:
            return self.message(kind, value, path, depth + 1)
        return self._refuse(path, fault) if fault else value

    def _enum(self, field: FieldDescriptor, value: Any, path: str) -> Any:
        enum = field.enum_type
        assert enum is not None, "the field is one of an enum"
        if isinstance(value, str) and (name := enum_names(enum).get(value)) is not None:
            return name
        names = ", ".join(each.name for each in enum.values if each.number)
        return self._refuse(path, f"must be one of {names}")

    def _refuse(self, path: str, description: str) -> None:
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(FieldFault(path or "body", description))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_parsed(kind: Descriptor, value: Any) -> bool:
    try:
        json_format.ParseDict(value, GetMessageClass(kind)())
    # The parser raises various errors for values of a wrong type.
    except (json_format.ParseError, TypeError, ValueError, AttributeError, RecursionError):
        return False
    return True


def _check_text(_: FieldDescriptor, value: Any) -> str:
    if not isinstance(value, str):
        return "must be text"
    return _HALF if _HALF_A_PAIR.search(value) else ""


def _check_integer(field: FieldDescriptor, value: Any) -> str:
    least, most = _RANGES[field.type]
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number"
    return "" if least <= value <= most else f"must be from {least} to {most}"


def _check_number(_: FieldDescriptor, value: Any) -> str:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return "must be a number"
        return ""
    return "" if isinstance(value, (int, float)) and not isinstance(value, bool) else "must be a number"


def _check_truth(_: FieldDescriptor, value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _check_bytes(_: FieldDescriptor, value: Any) -> str:
    return "" if isinstance(value, str) and value.isascii() else "must be text in Base64"


_SCALARS = cast(
    "dict[int, Callable[[FieldDescriptor, Any], str]]",
    {
        FieldDescriptor.TYPE_STRING: _check_text,
        FieldDescriptor.TYPE_BYTES: _check_bytes,
        FieldDescriptor.TYPE_BOOL: _check_truth,
        FieldDescriptor.TYPE_DOUBLE: _check_number,
        FieldDescriptor.TYPE_FLOAT: _check_number,
        **dict.fromkeys(_RANGES, _check_integer),
    },
)
