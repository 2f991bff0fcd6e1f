"""The names that project files use: of fields, and of enum values, in full or short."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

SCHEMA_FIELD = "$schema"
"""The field of the first object that names the JSON Schema for editors. It is ignored."""
_RATIO = re.compile(r"^[0-9]+_[0-9]+$")


@cache
def enum_names(enum: EnumDescriptor) -> dict[str, str]:
    """Return all names of an enum's values, each with the name in the contract.

    A value such as MOTION_KIND_ZOOM_IN is also called ZOOM_IN and zoom_in, and ASPECT_RATIO_16_9 also 16:9.
    """
    names = {}
    for value in enum.values:
        short = short_name(enum, value.name)
        written = [value.name, short.upper().replace(":", "_"), short]
        names.update(dict.fromkeys(written, value.name))
    return names


def short_name(enum: EnumDescriptor, full: str) -> str:
    """Return the short name of an enum value: `zoom_in` for MOTION_KIND_ZOOM_IN, `16:9` for ASPECT_RATIO_16_9."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    short = full.removeprefix(prefix)
    return short.replace("_", ":") if _RATIO.match(short) else short.lower()


@cache
def fields_by_name(message: Descriptor) -> dict[str, FieldDescriptor]:
    """Return the fields of a message by their names: as in the contract (`image_uri`), and as in JSON (`imageUri`)."""
    return {name: field for field in message.fields for name in (field.name, field.json_name)}


def is_repeated(field: FieldDescriptor) -> bool:
    """Return whether a field is a list. protobuf 7 dropped `label`, and early versions lack `is_repeated`."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(getattr(field, "label") == field.LABEL_REPEATED)  # noqa: B009 - unknown to the types of protobuf 7


def is_uri(field: FieldDescriptor) -> bool:
    """Return whether a text field holds a URL or the path of a local file."""
    return field.name == "uri" or field.name.endswith("_uri")
