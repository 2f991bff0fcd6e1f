"""Reads the small fields of requests: ids, labels, variables, page sizes, providers."""

import re
from collections.abc import Mapping
from uuid import UUID

from render_service.domain.access.access import is_workspace_id
from render_service.domain.faults import Faults
from render_service.domain.jobs.job import ProviderName
from render_service.domain.projects.template import MAX_VALUE, MAX_VARIABLES, is_variable_name

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_LABELS = 32
MAX_LABEL_VALUE = 255
MAX_PRIORITY = 100

_NIL = UUID(int=0)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LABEL_KEY = re.compile(r"[a-z0-9_./-]{1,63}")


NO_ID = UUID(int=0)
"""Placeholder of a malformed id; it is never looked up, since a fault was noted."""


def uuid_field(value: str, path: str, faults: Faults) -> UUID:
    """Return the UUID that a field spells in its canonical form; NO_ID, with a fault, for any other text or none."""
    if _UUID.fullmatch(value):
        return UUID(value)
    faults.add(path, "must be a UUID such as 0198c0de-7a11-7c3e-9f00-5e1f5e1f5e1f")
    return NO_ID


def optional_uuid_field(value: str, path: str, faults: Faults) -> UUID | None:
    """Do as `uuid_field`, but return None, without a fault, where the field is empty."""
    return uuid_field(value, path, faults) if value else None


def workspace_field(value: str, path: str, faults: Faults) -> str:
    """Return a workspace id, noting a fault if it is none."""
    if not is_workspace_id(value):
        faults.add(path, "must be 1 to 64 characters a–z 0–9 _ -, starting with a letter or digit")
    return value


def labels_field(labels: Mapping[str, str], path: str, faults: Faults) -> dict[str, str]:
    """Return labels in the order of their keys, noting a fault for each that is not allowed."""
    if len(labels) > MAX_LABELS:
        faults.add(path, f"must have at most {MAX_LABELS} labels")
        return {}
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            # The path does not repeat the key: it may hold anything.
            faults.add(path, "must have keys of 1 to 63 characters a–z 0–9 _ . / -")
        elif len(value) > MAX_LABEL_VALUE or "\0" in value:
            faults.add(f"{path}[{key}]", f"must have at most {MAX_LABEL_VALUE} characters, and no U+0000")
    return dict(sorted(labels.items()))


def variables_field(variables: Mapping[str, str], path: str, faults: Faults) -> dict[str, str]:
    """Return the values of variables in the order of their names, noting a fault for each that is not allowed.

    Malformed names are omitted, so that no later message repeats them.
    """
    if len(variables) > MAX_VARIABLES:
        faults.add(path, f"must be at most {MAX_VARIABLES}")
    for name, value in variables.items():
        if not is_variable_name(name):
            # The path does not repeat the name: it may hold anything.
            faults.add(path, "must have names of 1 to 63 characters A–Z a–z 0–9 _, not starting with a digit")
        elif len(value) > MAX_VALUE or "\0" in value:
            faults.add(f"{path}[{name}]", f"must have at most {MAX_VALUE:,} characters, and no U+0000")
    return {name: value for name, value in sorted(variables.items()) if is_variable_name(name)}


def page_size_field(value: int, path: str, faults: Faults) -> int:
    """Return the number of items of a page: 1 to `MAX_PAGE_SIZE`."""
    if not 0 <= value <= MAX_PAGE_SIZE:
        faults.add(path, f"must be 0 to {MAX_PAGE_SIZE}; 0 means {DEFAULT_PAGE_SIZE}")
        return DEFAULT_PAGE_SIZE
    return value or DEFAULT_PAGE_SIZE


def priority_field(value: int, path: str, faults: Faults) -> int:
    """Return a job's priority: at most `MAX_PRIORITY` either way."""
    if abs(value) > MAX_PRIORITY:
        faults.add(path, f"must be −{MAX_PRIORITY} to {MAX_PRIORITY}")
        return 0
    return value


def provider_field(value: str, path: str, faults: Faults) -> ProviderName | None:
    """Return the provider that a field names; None where it is empty and, with a fault, where there is no such one."""
    if not value:
        return None
    try:
        return ProviderName(value)
    except ValueError:
        faults.add(path, f"must be one of {', '.join(ProviderName)}, or empty for the default")
        return None
