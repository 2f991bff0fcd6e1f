"""Requests in JSON, and in the path and query of a URL, become messages; messages become JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from render_client.projects_file.names import fields_by_name

from render_service.domain.errors import FieldFault
from render_service.gateway.documents import read_document
from render_service.gateway.errors import refuse_fields
from render_service.gateway.rules import HttpRule, parameter

_KEY = re.compile(r"(?P<field>[A-Za-z_][A-Za-z0-9_.]*)(?:\[(?P<key>[^\[\]]*)\])?")
# As many as a request over gRPC may have; prose has fewer commas than lists of tiny values.
_MAX_FIELDS, _MAX_COMMAS = 300_000, 2_000_000
_TEXT_KINDS = frozenset({"google.protobuf.Duration", "google.protobuf.Timestamp"})


def read_request(rule: HttpRule, path: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes) -> Message:
    """Return the request of an RPC.

    Args:
        rule: How the RPC is called.
        path: The variables of the path, by their names in Starlette's form.
        query: The parameters of the query, decoded.
        body: The body: a JSON object in UTF-8; empty is the same as `{}`.

    Raises:
        RequestRefused: Something is not as the contract says; each fault is named.
    """
    faults: list[FieldFault] = []
    document = _read_query(rule, query, faults)
    if rule.body == "*":
        document |= read_json(body, faults)
    elif rule.body:
        document[rule.body] = read_json(body, faults)
    elif body:
        faults.append(FieldFault("body", f"must be empty for {rule.verb} {rule.template}"))
    request: Message = GetMessageClass(rule.method.input_type)()
    if not faults:
        read_document(document, request, faults)
    if not faults:
        for field in rule.variables:
            _set(request, field, path[parameter(field)], faults)
    if faults:
        raise refuse_fields(faults)
    return request


def to_json(message: Message) -> bytes:
    """Return a message in JSON, with the names of the contract, and with fields that have their default."""
    fields = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def read_json(body: bytes, faults: list[FieldFault]) -> dict[str, Any]:
    """Return the object in a body; empty where it has a fault, which is added, and for an empty body."""
    if not body.strip():
        return {}
    try:
        return _parsed(body)
    except _Unreadable as error:
        faults.append(FieldFault("body", str(error)))
        return {}


def _parsed(body: bytes) -> dict[str, Any]:
    if body.count(b",") > _MAX_COMMAS:
        raise _Unreadable("has too many values")
    try:
        value = json.loads(body, object_pairs_hook=_Objects(), parse_constant=_refuse_constant)
    except _Unreadable:
        raise
    except UnicodeDecodeError:
        raise _Unreadable("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _Unreadable(f"is not JSON: {error.msg}, line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _Unreadable("is nested too deeply") from None
    except ValueError:
        raise _Unreadable("has a number with too many digits") from None
    if not isinstance(value, dict):
        raise _Unreadable("must be a JSON object")
    return value


class _Unreadable(ValueError):
    """The text is not JSON that a request can be."""


class _Objects:
    """Makes the objects of a document, each name once, and not too many."""

    def __init__(self) -> None:
        self._left = _MAX_FIELDS

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._left -= len(pairs) + 1
        if self._left < 0:
            raise _Unreadable(f"has more than {_MAX_FIELDS:,} fields")
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    raise _Unreadable(f"has {name!r} twice in one object")
                seen.add(name)
        return found


def _refuse_constant(name: str) -> Any:
    raise _Unreadable(f"has {name}, which is not JSON")


def _read_query(rule: HttpRule, query: Iterable[tuple[str, str]], faults: list[FieldFault]) -> dict[str, Any]:
    """Return the parameters of a query as the JSON document that says the same."""
    document: dict[str, Any] = {}
    for name, value in query:
        found = _KEY.fullmatch(name)
        if rule.body == "*":
            fault = f"{rule.verb} {rule.template} takes no query parameters: give it in the body"
        elif found is None:
            fault = "is not the path of a field"
        else:
            fault = _add(document, rule.method.input_type, found["field"], found["key"], value)
        if fault:
            faults.append(FieldFault(name, fault))
    return document


def _add(document: dict[str, Any], message: Descriptor, path: str, key: str | None, value: str) -> str:
    """Add a parameter to a document; return its fault, or an empty text."""
    *holders, last = path.split(".")
    for name in holders:
        holder = fields_by_name(message).get(name)
        if holder is None or holder.message_type is None or holder.is_repeated:
            return f"{message.name} has no message {name}"
        document, message = document.setdefault(holder.name, {}), holder.message_type
    field = fields_by_name(message).get(last)
    if field is None:
        return f"{message.name} has no field {last}"
    return _add_field(document, field, key, value)


def _add_field(document: dict[str, Any], field: FieldDescriptor, key: str | None, value: str) -> str:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        if key is None:
            return f"is a map: give {field.name}[key]=value"
        return _put(document.setdefault(field.name, {}), key, value)
    if key is not None or (kind is not None and kind.full_name not in _TEXT_KINDS):
        return "cannot be given in a query"
    if field.is_repeated:
        document.setdefault(field.name, []).append(_scalar(field, value))
        return ""
    return _put(document, field.name, _scalar(field, value))


def _put(document: dict[str, Any], name: str, value: Any) -> str:
    if name in document:
        return "is given twice"
    document[name] = value
    return ""


def _scalar(field: FieldDescriptor, value: str) -> Any:
    """Return what JSON has for the text of a parameter; what is wrong stays, and is refused with the document."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"true": True, "false": False}.get(value, value)
    return value


def _set(request: Message, field: str, value: str, faults: list[FieldFault]) -> None:
    """Set a field from the path; body and query may repeat it, but not contradict it."""
    *holders, last = field.split(".")
    holder: Any = request
    for name in holders:
        holder = getattr(holder, name)
    if getattr(holder, last) not in ("", value):
        faults.append(FieldFault(field, f"contradicts the path, which has {value}"))
    else:
        setattr(holder, last, value)
