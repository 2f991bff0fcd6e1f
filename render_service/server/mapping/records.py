"""Between a message and the frozen dataclass that has the same fields, made once from both descriptions."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import timedelta
from enum import StrEnum
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from render_service.domain.faults import Faults
from render_service.server.mapping.enums import EnumTable
from render_service.server.mapping.times import read_duration, write_duration

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
Reader = Callable[[Any, str, Faults], Any]
"""Makes the domain's value of a field that is set; None leaves it at its default."""
Writer = Callable[[Any, Message], None]
"""Sets a field of a message to the domain's value, which is not None."""


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Where message and dataclass differ. Keys are `Type.field`, by the dataclass or the message.

    Args:
        places: Where fields lie that are in a message within: `{"Project.shots": "storyboard.shots"}`.
        apart: Fields that only one side has, or that are mapped elsewhere.
        most: How many items of a repeated field the rules allow. One more is read, so that the rules see that there are
            too many, and no request costs more than a sound one.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    most: Mapping[str, int] = field(default_factory=dict)


class Record(Generic[T]):
    """Maps one message type to one dataclass and back, field by field of the same name.

    A field that the sender omitted gets the dataclass's default; where that has none, the empty value of its type.
    Written back, such a field shows its default; a nested message that holds only defaults is omitted, unless None is
    another value of its field.

    Args:
        kind: The dataclass. Its fields are of types str, bool, int, float, timedelta, StrEnum, another such dataclass,
            any of these or None, or tuples of texts or of such dataclasses.
        message: The message type.
        exceptions: Where the two differ, here and in the messages within.

    Raises:
        ValueError: The two differ elsewhere.
    """

    def __init__(self, kind: type[T], message: Descriptor, exceptions: Exceptions | None = None) -> None:
        exceptions = exceptions or Exceptions()
        self._kind = kind
        self._readers: dict[int, tuple[str, str, Reader]] = {}
        self._writers: list[tuple[str, Writer]] = []
        self._empty: dict[str, Any] = {}
        hints = get_type_hints(kind)
        for item in fields(kind):
            key = f"{kind.__name__}.{item.name}"
            if key in exceptions.apart:
                continue
            place = exceptions.places.get(key, item.name)
            outer, reader, writer = _mapping(hints[item.name], message, place, exceptions, exceptions.most.get(key))
            self._readers[outer.number] = (item.name, place, reader)
            self._writers.append((item.name, writer))
            if item.default is MISSING and item.default_factory is MISSING:
                self._empty[item.name] = hints[item.name]()
        for descriptor in message.fields:
            key = f"{message.name}.{descriptor.name}"
            if descriptor.number not in self._readers and key not in exceptions.apart:
                raise ValueError(f"{kind.__name__} has no field for {key}")
        self._default = None if self._empty else kind()

    def read(self, message: Message, path: str, faults: Faults) -> T:
        """Return the domain's value.

        Args:
            message: A message of the type.
            path: Its path in the request.
            faults: Takes the faults of form: unknown enum numbers, numbers that are not finite, invalid durations,
                texts with U+0000, which Postgres cannot store. What has a fault is left at its default.
        """
        values = dict(self._empty)
        for descriptor, value in message.ListFields():
            known = self._readers.get(descriptor.number)
            if known is None:
                continue
            name, place, reader = known
            found = reader(value, f"{path}.{place}", faults)
            if found is not None:
                values[name] = found
        return self._kind(**values)

    def write(self, value: T, message: Message) -> None:
        """Set the fields of an empty message to a value."""
        for name, writer in self._writers:
            found = getattr(value, name)
            if found is not None:
                writer(found, message)

    def says_nothing(self, value: T) -> bool:
        """Return whether a value holds only defaults."""
        return value == self._default


def _mapping(
    hint: Any, message: Descriptor, place: str, exceptions: Exceptions, most: int | None
) -> tuple[FieldDescriptor, Reader, Writer]:
    """Return a field of a message, and how it is read and written; `place` may lead into a message within."""
    outer, _, inner = place.partition(".")
    descriptor = message.fields_by_name.get(outer)
    if descriptor is None:
        raise ValueError(f"{message.name} has no field {outer}")
    if not inner:
        return descriptor, *_field(hint, descriptor, exceptions, most)
    _, read_inner, write_inner = _mapping(hint, _type_of(descriptor), inner, exceptions, most)

    def read(value: Any, path: str, faults: Faults) -> Any:
        return read_inner(getattr(value, inner), path, faults)

    def write(value: Any, target: Message) -> None:
        if value:
            write_inner(value, getattr(target, outer))

    return descriptor, read, write


def _field(hint: Any, descriptor: FieldDescriptor, exceptions: Exceptions, most: int | None) -> tuple[Reader, Writer]:
    options = [option for option in get_args(hint) if option is not NoneType]
    if get_origin(hint) is tuple and options[0] is str:
        return _texts(descriptor.name, most)
    if get_origin(hint) is tuple:
        return _items(options[0], descriptor, exceptions, most)
    kind = options[0] if options else hint
    if kind is timedelta:
        return read_duration, _into(descriptor.name, write_duration)
    if is_dataclass(kind):
        is_optional = kind is not hint
        return _within(_record(kind, descriptor, exceptions), descriptor.name, is_optional=is_optional)
    if issubclass(kind, StrEnum):
        assert descriptor.enum_type is not None
        table = EnumTable(descriptor.enum_type, kind)
        return table.read, lambda value, message: setattr(message, descriptor.name, table.number(value))
    return _SCALARS[kind], lambda value, message: setattr(message, descriptor.name, value)


def _within(record: Record[Any], name: str, *, is_optional: bool) -> tuple[Reader, Writer]:
    def write(value: Any, message: Message) -> None:
        if is_optional or not record.says_nothing(value):
            inner = getattr(message, name)
            inner.SetInParent()
            record.write(value, inner)

    return record.read, write


def _items(kind: Any, descriptor: FieldDescriptor, exceptions: Exceptions, most: int | None) -> tuple[Reader, Writer]:
    record = _record(kind, descriptor, exceptions)
    name, stop = descriptor.name, None if most is None else most + 1

    def read(values: Any, path: str, faults: Faults) -> tuple[Any, ...]:
        return tuple(record.read(value, f"{path}[{index}]", faults) for index, value in enumerate(values[:stop]))

    def write(values: Any, message: Message) -> None:
        target = getattr(message, name)
        for value in values:
            record.write(value, target.add())

    return read, write


def _texts(name: str, most: int | None) -> tuple[Reader, Writer]:
    stop = None if most is None else most + 1

    def read(values: Any, path: str, faults: Faults) -> tuple[str, ...]:
        found = (_read_text(value, f"{path}[{index}]", faults) for index, value in enumerate(values[:stop]))
        return tuple(value or "" for value in found)

    def write(values: Any, message: Message) -> None:
        getattr(message, name).extend(values)

    return read, write


def _record(kind: Any, descriptor: FieldDescriptor, exceptions: Exceptions) -> Record[Any]:
    return Record(kind, _type_of(descriptor), exceptions)


def _type_of(descriptor: FieldDescriptor) -> Descriptor:
    assert descriptor.message_type is not None
    return descriptor.message_type


def _into(name: str, write: Callable[[Any, Any], None]) -> Writer:
    return lambda value, message: write(value, getattr(message, name))


def _read_text(value: str, path: str, faults: Faults) -> str | None:
    if "\0" in value:
        faults.add(path, "must not hold the character U+0000")
        return None
    return value


def _read_number(value: float, path: str, faults: Faults) -> float | None:
    if not isfinite(value):
        faults.add(path, "must be a finite number")
        return None
    return value


def _read_as_it_is(value: Any, _path: str, _faults: Faults) -> Any:
    return value


_SCALARS: Mapping[type, Reader] = {
    str: _read_text,
    float: _read_number,
    int: _read_as_it_is,
    bool: _read_as_it_is,
}
