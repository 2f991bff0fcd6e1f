"""Finds the texts within frozen dataclasses, and changes them."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
Change = Callable[[str, str], str]
"""Returns a text changed, given the text and its path."""


class TextFields:
    """The texts within records of any types.

    Args:
        marker: Only texts that contain this are changed.
        is_wanted: Whether a text field is one of them, by `Type.field`.
        places: Fields that have another path in the contract, by `Type.field`.
    """

    def __init__(self, marker: str, is_wanted: Callable[[str], bool], places: Mapping[str, str]) -> None:
        self._marker = marker
        self._is_wanted = is_wanted
        self._places = places
        self._known: dict[type[Any], tuple[tuple[str, str, object], ...]] = {}

    def changed(self, record: T, path: str, change: Change) -> T:
        """Return a record with its texts changed; what stays the same is kept, not copied.

        Args:
            record: A dataclass whose fields are texts, other such dataclasses, tuples of them, or anything else.
            path: Path of the record.
            change: Changes a text.
        """
        changes: dict[str, Any] = {}
        for name, place, default in self._fields(type(record)):
            value = getattr(record, name)
            if value is default:
                continue
            changed = self._changed_value(value, f"{path}.{place}", change)
            if changed is not value:
                changes[name] = changed
        return replace(record, **changes) if changes else record

    def _changed_value(self, value: Any, path: str, change: Change) -> Any:
        if isinstance(value, str):
            return change(value, path) if self._marker in value else value
        if isinstance(value, tuple):
            items = tuple(self.changed(item, f"{path}[{index}]", change) for index, item in enumerate(value))
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if is_dataclass(value) and not isinstance(value, type):
            return self.changed(value, path, change)
        return value

    def _fields(self, kind: type["DataclassInstance"]) -> tuple[tuple[str, str, object], ...]:
        """Return the fields of a record that hold wanted texts, themselves or within, as (name, place, default).

        A field that has its default, which most do, is not looked at: no default contains a marker.
        """
        known = self._known.get(kind)
        if known is None:
            hints = get_type_hints(kind)
            keys = {item: f"{kind.__name__}.{item.name}" for item in fields(kind)}
            known = tuple(
                (item.name, self._places.get(key, item.name), item.default)
                for item, key in keys.items()
                if self._holds(hints[item.name], key)
            )
            self._known[kind] = known
        return known

    def _holds(self, hint: Any, key: str) -> bool:
        if get_origin(hint) in (tuple, Union, UnionType):
            return any(self._holds(option, key) for option in get_args(hint) if option not in (NoneType, Ellipsis))
        if hint is str:
            return self._is_wanted(key)
        return is_dataclass(hint) and isinstance(hint, type) and bool(self._fields(hint))
