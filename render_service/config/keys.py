"""Secret keys in settings: random bytes in base64."""

import base64
import binascii


def decode_key(text: str, *, least_bytes: int) -> bytes | None:
    """Return the key in a base64 text; None if the text is invalid or the key is shorter than `least_bytes`."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) >= least_bytes else None
