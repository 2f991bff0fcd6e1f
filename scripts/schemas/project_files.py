"""Writes the JSON Schema of project files from the contract and its comments, or checks that it is current (`--check`).

python -m scripts.schemas.project_files
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from render_client.projects_file.names import SCHEMA_FIELD, enum_names, short_name
from render_client.projects_file.schema import SCHEMA
from render_client.v1 import project_pb2

from scripts.contract import ROOT, Contract, read_contract

_DAY = "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
_WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Duration": {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?s$", "examples": ["2.5s"]},
    "google.protobuf.Timestamp": {
        "type": "string",
        "pattern": rf"^{_DAY}T([01][0-9]|2[0-3])(:[0-5][0-9]){{2}}(\.[0-9]{{1,9}})?Z$",
    },
}
_SCALARS: dict[int, dict[str, Any]] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number"},
}


def _messages(message: Descriptor, known: dict[str, Descriptor]) -> dict[str, Descriptor]:
    """Add a message and all that its fields hold, in the order in which they are met."""
    known[message.name] = message
    for field in message.fields:
        inner = field.message_type
        if inner is not None and inner.full_name not in _WELL_KNOWN and inner.name not in known:
            _messages(inner, known)
    return known


def _enum(contract: Contract, enum: EnumDescriptor) -> dict[str, Any]:
    """Return the schema of an enum: short names with their meaning, for editors to offer, then all other names."""
    short = {short_name(enum, value.name): value for value in enum.values if value.number}
    offered = [
        {"const": name, "description": contract.of_value(enum.name, value.name)} for name, value in short.items()
    ]
    return {"anyOf": [*offered, {"enum": [name for name in enum_names(enum) if name not in short]}]}


def _field(contract: Contract, message: Descriptor, field: FieldDescriptor) -> dict[str, Any]:
    if field.enum_type is not None:
        kind = _enum(contract, field.enum_type)
    elif field.message_type is None:
        kind = dict(_SCALARS[field.type])
    else:
        inner = field.message_type
        kind = dict(_WELL_KNOWN.get(inner.full_name, {"$ref": f"#/$defs/{inner.name}"}))
    if field.is_repeated:
        kind = {"type": "array", "items": kind}
    description = contract.of_field(message.name, field.name)
    read_only = {"readOnly": True} if re.search(r"[Ss]et by the service|Ignored in CreateProject", description) else {}
    return {"description": description, **kind, **read_only}


def _exclusions(message: Descriptor) -> Iterator[dict[str, Any]]:
    """Give what forbids two fields of which only one may be given: of a `oneof`, or one field by both its names."""
    pairs = [(field.name, field.json_name) for field in message.fields if field.name != field.json_name]
    for group in message.oneofs:
        names = [(field.name, field.json_name) for field in group.fields]
        for index, first in enumerate(names):
            pairs += [pair for second in names[index + 1 :] for pair in product(set(first), set(second))]
    for pair in sorted(pairs):
        yield {"not": {"required": list(pair)}}


def _object(contract: Contract, message: Descriptor) -> dict[str, Any]:
    fields = {field.name: _field(contract, message, field) for field in message.fields}
    schema: dict[str, Any] = {
        "description": contract.of_message(message.name),
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
    }
    others = [field for field in message.fields if field.json_name != field.name]
    if others:
        # The names of protobuf's JSON form. As patterns, so that editors do not offer them beside the usual ones.
        reference = f"#/$defs/{message.name}/properties/"
        schema["patternProperties"] = {f"^{field.json_name}$": {"$ref": reference + field.name} for field in others}
    exclusions = list(_exclusions(message))
    return {**schema, "allOf": exclusions} if exclusions else schema


def generate() -> str:
    """Return the schema as the text of its file."""
    contract = read_contract()
    definitions = {
        name: _object(contract, message) for name, message in _messages(project_pb2.Project.DESCRIPTOR, {}).items()
    }
    definitions["Project"]["properties"] = {
        SCHEMA_FIELD: {"description": "The JSON Schema of this file, for editors.", "type": "string"},
        **definitions["Project"]["properties"],
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `make generate` from proto/render/v1; do not edit.",
        "title": "Project file of the render service",
        "$ref": "#/$defs/Project",
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the schema, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if it is stale")
    fresh = generate()
    if not parser.parse_args().check:
        SCHEMA.write_text(fresh, encoding="utf-8")
    elif not SCHEMA.is_file() or SCHEMA.read_text(encoding="utf-8") != fresh:
        print(f"stale: {SCHEMA.relative_to(ROOT)} (run `make generate`)", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
