"""Canonical form of values that are hashed: the same value gives the same bytes on every machine."""

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def canonical_bytes(spec: object) -> bytes:
    """Return a spec as JSON with every field of its class, so that no field can be missing from a hash."""
    kind: Any = type(spec)
    return _adapter(kind).dump_json(spec)


def from_canonical(kind: type[T], content: bytes) -> T:
    """Return the spec that `canonical_bytes` wrote.

    Raises:
        pydantic.ValidationError: The content is not a spec of this class.
    """
    hashable: Any = kind  # mypy considers type[T] unhashable
    spec = _adapter(hashable).validate_json(content)
    assert isinstance(spec, kind)
    return spec


@cache
def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - compose processes hash nothing: it would take 8 MiB of each.

    return TypeAdapter(kind)
