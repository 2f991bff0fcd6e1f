"""Names codecs as players ask for them (RFC 6381, and the documents of each codec)."""

import struct

AAC_LC = "mp4a.40.2"


def codec_name(codec: str, config: bytes) -> str:
    """Return the name of a picture codec with profile and level.

    Args:
        codec: The codec's name in libav.
        config: The content of its configuration box: `avcC`, `hvcC` or `av1C`.

    Raises:
        ValueError: For other codecs.
    """
    if codec == "h264":
        # ISO/IEC 14496-15, 5.3.3.1: profile, constraints and level.
        return f"avc1.{config[1:4].hex()}"
    if codec == "hevc":
        return _hevc(config)
    if codec in ("av1", "libdav1d"):
        # AV1 in ISOBMFF, 2.3.3 and 5: profile, level and tier of the first operating point, bits of a sample.
        profile, level, tier = config[1] >> 5, config[1] & 31, "H" if config[2] & 0x80 else "M"
        return f"av01.{profile}.{level:02d}{tier}.{'10' if config[2] & 0x40 else '08'}"
    raise ValueError(f"{codec} cannot be streamed")


def _hevc(config: bytes) -> str:
    """ISO/IEC 14496-15, annex E.3."""
    first, compatible = config[1], struct.unpack_from(">I", config, 2)[0]
    space = ("", "A", "B", "C")[first >> 6]
    reversed_flags = int(f"{compatible:032b}"[::-1], 2)
    constraints = config[6:12].rstrip(b"\0")
    parts = [
        f"{space}{first & 31}",
        f"{reversed_flags:X}",
        f"{'H' if first & 0x20 else 'L'}{config[12]}",
        *(f"{byte:X}" for byte in constraints),
    ]
    return f"hvc1.{'.'.join(parts)}"
