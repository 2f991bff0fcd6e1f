"""Reads how large a picture declares itself to be, where its reader would take the memory before it can be asked."""


def webp_size(head: bytes) -> tuple[int, int]:
    """Return width and height of a WebP file in pixels (WebP container specification; RFC 6386, 9.1; RFC 9649, 3).

    Args:
        head: The first 30 bytes.

    Returns:
        The size; (0, 0) where the header is not one of a WebP, which its reader will refuse.
    """
    form = head[12:16]
    if len(head) < 30:
        return 0, 0
    if form == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return 0, 0
