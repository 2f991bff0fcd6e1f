"""Canonical form of what segments and sounds are made from: the same value gives the same bytes on every machine."""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def canonical_bytes(spec: object) -> bytes:
    """Return a spec as JSON with every field of its class in it, so that no field can be missing from a hash."""
    return _adapter(type(spec)).dump_json(spec)


def from_canonical(kind: type[T], content: bytes) -> T:
    """Return the spec that `canonical_bytes` wrote.

    Raises:
        pydantic.ValidationError: The content is not such a spec.
    """
    spec = _adapter(kind).validate_json(content)
    assert isinstance(spec, kind)
    return spec


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
