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
    fault, value = "", None
    try:
        value = json.loads(body, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        fault = "is not UTF-8"
    except json.JSONDecodeError as error:
        fault = f"is not JSON: {error.msg}, line {error.lineno}, column {error.colno}"
    except RecursionError:
        fault = "is nested too deeply"
    except ValueError as error:
        fault = str(error)
    if not fault and not isinstance(value, dict):
        fault = "must be a JSON object"
    if fault or not isinstance(value, dict):
        faults.append(FieldFault("body", fault))
        return {}
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"has {next(name for name in names if names.count(name) > 1)!r} twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"has {name}, which is not JSON")


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
