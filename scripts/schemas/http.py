"""Writes the OpenAPI document of the gateway to HTTP from the contract and its rules, or checks it (`--check`).

python -m scripts.schemas.http
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from render_service.gateway.openapi import DOCUMENT
from render_service.gateway.rules import HttpRule, load_rules
from scripts.contract import PART, ROOT, SERVICE, Contract, read_contract

_WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Duration": {"type": "string", "examples": ["2.5s"]},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
}
_INT64: dict[str, Any] = {"type": "string", "format": "int64"}
_SCALARS: dict[int, dict[str, Any]] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}
_STREAMS = {
    "WatchProgress": ("after_sequence", "JobEvent"),
    "WatchWorkspace": ("cursor", "JobEvent"),
    "WatchBatch": ("cursor", "Batch or BatchRowEnd"),
}
_STATUS: dict[str, Any] = {
    "type": "object",
    "description": "An error: `google.rpc.Status`.",
    "properties": {
        "code": {"type": "integer", "description": "A `google.rpc.Code`, such as 5 for NOT_FOUND."},
        "message": {"type": "string", "description": "What is wrong, for people."},
        "details": {
            "type": "array",
            "description": "Among them an ErrorInfo with the `reason`, and a BadRequest with the faulty fields.",
            "items": {"type": "object", "properties": {"@type": {"type": "string"}}, "additionalProperties": True},
        },
    },
}


class _Document:
    """The document, and the types that its paths need."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._methods = dict(self._of_contract())
        self._schemas: dict[str, Any] = {"Status": _STATUS}

    def _of_contract(self) -> Iterator[tuple[str, tuple[str, FileDescriptorProto, MethodDescriptorProto]]]:
        for file in self._contract.files:
            for service in file.service:
                for position, method in enumerate(service.method):
                    text = self._contract.comment(file, SERVICE, 0, PART, position)
                    yield f"{file.package}.{service.name}.{method.name}", (text, file, method)

    def build(self) -> dict[str, Any]:
        """Return the document."""
        paths: dict[str, Any] = {}
        for rule in sorted(load_rules(), key=lambda rule: (rule.template, rule.verb)):
            paths.setdefault(rule.template, {})[rule.verb.lower()] = self._operation(rule)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Render service",
                "version": "v1",
                "summary": "Turns scripts and storyboards into finished videos.",
                "description": "JSON over HTTP for the contract `render.v1`. Names are those of the contract; enum "
                "values may be short in requests. Errors are `google.rpc.Status`.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer", "description": "An API key, or a JWT of the issuer."}
                },
                "schemas": dict(sorted(self._schemas.items())),
            },
        }

    def _operation(self, rule: HttpRule) -> dict[str, Any]:
        method = rule.method
        text = re.sub(rf"^{method.name} ", "", self._methods[method.full_name][0])
        text = text[:1].upper() + text[1:]
        operation: dict[str, Any] = {
            "operationId": method.name,
            "tags": [method.containing_service.name],
            "summary": re.split(r"(?<=[.:;])\s", text, maxsplit=1)[0].rstrip(".:;"),
            "description": text,
            "parameters": list(self._parameters(rule)),
            "responses": {"200": self._response(rule), "default": _json("An error.", _ref("Status"))},
        }
        if rule.body:
            operation["requestBody"] = self._body(rule)
        return operation

    def _parameters(self, rule: HttpRule) -> Iterator[dict[str, Any]]:
        message = rule.method.input_type
        for variable in rule.variables:
            holder, name = _field_of(message, variable)
            yield {
                "name": variable,
                "in": "path",
                "required": True,
                "description": self._contract.of_field(holder.name, name),
                "schema": {"type": "string"},
            }
        if not rule.body:
            for field in message.fields:
                if field.name not in rule.variables:
                    yield self._query(message, field)
        if rule.method.name == "StartRender":
            yield _header("Idempotency-Key", "The `request_id`: a UUID that the caller generates.")
        elif rule.method.name == "DownloadVideo":
            yield _header("Range", "The bytes to send, such as `bytes=0-1023`.")
        elif rule.method.name in _STREAMS:
            yield _header("Last-Event-ID", "The id of the last event received: the stream continues after it.")

    def _query(self, message: Descriptor, field: FieldDescriptor) -> dict[str, Any]:
        parameter = {
            "name": field.name,
            "in": "query",
            "description": self._contract.of_field(message.name, field.name),
            "schema": self._kind(field),
        }
        if _is_map(field):
            return {**parameter, "style": "deepObject", "explode": True}
        return parameter

    def _body(self, rule: HttpRule) -> dict[str, Any]:
        message = rule.method.input_type
        body = message
        if rule.body != "*":
            inner = message.fields_by_name[rule.body].message_type
            assert inner is not None, f"{rule.template}: the body is a message"
            body = inner
        content: dict[str, Any] = {"schema": self._message(body)}
        if (example := self._example(rule)) is not None:
            in_path = set(rule.variables)
            given = example["request"] if rule.body == "*" else example["request"].get(rule.body, {})
            content["example"] = {name: value for name, value in given.items() if name not in in_path}
        return {"required": True, "content": {"application/json": content}}

    def _response(self, rule: HttpRule) -> dict[str, Any]:
        name = rule.method.name
        if name in _STREAMS:
            content = _STREAMS[name][1]
            for kind in content.split(" or "):
                self._message(Default().FindMessageTypeByName(f"render.v1.{kind}"))
            text = f"Server-sent events, each with a {content} in JSON; the last one is called `end`."
            return {"description": text, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
        if name == "DownloadVideo":
            binary = {"schema": {"type": "string", "format": "binary"}}
            return {"description": "The file; 206 for a range of it.", "content": {"*/*": binary}}
        response = _json("The response.", self._message(rule.method.output_type))
        if (example := self._example(rule)) is not None and example["answers"]:
            answer = GetMessageClass(rule.method.output_type)()
            json_format.ParseDict(example["answers"][-1], answer)
            shown = _with_sorted_maps(answer, json_format.MessageToDict(answer, preserving_proto_field_name=True))
            response["content"]["application/json"]["example"] = shown
        if name == "RenderFrame":
            response["content"]["image/*"] = {"schema": {"type": "string", "format": "binary"}}
        return response

    def _example(self, rule: HttpRule) -> Any:
        return self._contract.examples.get(f"{rule.method.containing_service.name}/{rule.method.name}")

    def _message(self, message: Descriptor) -> dict[str, Any]:
        """Return the reference to a message, whose schema is added once."""
        if message.name not in self._schemas:
            schema: dict[str, Any] = {"type": "object", "description": self._contract.of_message(message.name)}
            self._schemas[message.name] = schema
            schema["properties"] = {
                field.name: {"description": self._contract.of_field(message.name, field.name), **self._kind(field)}
                for field in message.fields
            }
        return _ref(message.name)

    def _kind(self, field: FieldDescriptor) -> dict[str, Any]:
        if _is_map(field):
            assert field.message_type is not None, "a map has entries"
            return {
                "type": "object",
                "additionalProperties": self._single(field.message_type.fields_by_name["value"]),
            }
        kind = self._single(field)
        return {"type": "array", "items": kind} if field.is_repeated else kind

    def _single(self, field: FieldDescriptor) -> dict[str, Any]:
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.message_type is None:
            return dict(_SCALARS[field.type])
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return dict(known) if known is not None else self._message(field.message_type)

    def _enum(self, enum: EnumDescriptor) -> dict[str, Any]:
        if enum.name not in self._schemas:
            values = [value.name for value in enum.values]
            self._schemas[enum.name] = {"type": "string", "enum": values}
        return _ref(enum.name)


def _named(message: Descriptor, field: str) -> Descriptor:
    inner = message.fields_by_name[field].message_type
    assert inner is not None, f"{message.name}.{field} is a message"
    return inner


def _field_of(message: Descriptor, path: str) -> tuple[Descriptor, str]:
    *holders, name = path.split(".")
    for holder in holders:
        message = _named(message, holder)
    return message, name


def _with_sorted_maps(message: Message, shown: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a message with the entries of each Struct sorted: protobuf keeps no order of them."""
    for field, value in message.ListFields():
        if field.message_type is None or field.name not in shown or _is_map(field):
            continue
        if field.message_type.full_name == "google.protobuf.Struct":
            shown[field.name] = dict(sorted(shown[field.name].items()))
        elif not field.message_type.full_name.startswith("google.protobuf."):
            values, shown_values = (value, shown[field.name]) if field.is_repeated else ([value], [shown[field.name]])
            for item, shown_item in zip(values, shown_values, strict=True):
                _with_sorted_maps(item, shown_item)
    return shown


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def main() -> int:
    """Write the document, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if it is stale")
    fresh = json.dumps(_Document(read_contract()).build(), indent=1, ensure_ascii=False) + "\n"
    if not parser.parse_args().check:
        DOCUMENT.write_text(fresh, encoding="utf-8")
    elif not DOCUMENT.is_file() or DOCUMENT.read_text(encoding="utf-8") != fresh:
        print(f"stale: {DOCUMENT.relative_to(ROOT)} (run `make generate`)", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
