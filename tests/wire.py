"""Messages in their wire form, for requests that no client library would build."""


def nested(number: int, data: bytes) -> bytes:
    """Return the wire form of a field of bytes or of a message; see protobuf's encoding."""
    size, varint = len(data), bytearray()
    while size > 127:
        varint.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *varint, size]) + data
