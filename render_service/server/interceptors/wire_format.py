"""Counts the fields of a serialised message without parsing it.

A parsed message takes far more memory than its bytes where these consist of tiny nested messages: an empty shot has two
bytes on the wire and some 170 in memory. See https://protobuf.dev/programming-guides/encoding/.
"""

from functools import lru_cache

from google.protobuf.descriptor import Descriptor

_VARINT, _LENGTH = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}


def has_more_fields(data: bytes, message: Descriptor, limit: int) -> bool:
    """Return whether a message and all messages in it have more fields than a limit; each repetition counts.

    Takes time in proportion to the smaller of the limit and the number of fields, not to the size: texts are skipped.
    Malformed bytes are not an error here; the parser refuses them.

    Args:
        data: The serialised message.
        message: Its type.
        limit: > 0.
    """
    position, end, count = 0, len(data), 0
    nested = _nested_types(message)
    outer: list[tuple[int, dict[int, Descriptor]]] = []
    try:
        while True:
            if position >= end:
                if not outer:
                    return False
                end, nested = outer.pop()
                continue
            count += 1
            if count > limit:
                return True
            tag, position = _varint(data, position)
            kind = tag & 7
            inner = nested.get(tag >> 3) if kind == _LENGTH else None
            if inner is None:
                position = _skip(kind, data, position)
            else:
                size, position = _varint(data, position)
                outer.append((end, nested))
                end, nested = min(position + size, end), _nested_types(inner)
    except IndexError:
        return False


def _skip(kind: int, data: bytes, position: int) -> int:
    """Return the position behind a value."""
    if kind == _LENGTH:
        size, position = _varint(data, position)
        return position + size
    if kind == _VARINT:
        return _varint(data, position)[1]
    return position + _FIXED_SIZES.get(kind, 0)  # the tags of a group, which only unknown fields have, stand alone


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number and the position behind it."""
    byte = data[position]
    position += 1
    if byte < 128:
        return byte, position
    value, shift = byte & 127, 7
    while byte >= 128:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if shift > 70:
            raise IndexError  # longer than any number: malformed
    return value, position


@lru_cache(maxsize=256)
def _nested_types(message: Descriptor) -> dict[int, Descriptor]:
    """Return the types of the fields of a message that are messages, by field number."""
    return {field.number: field.message_type for field in message.fields if field.message_type is not None}
