"""Sounds inside of JSON."""

import base64
import binascii


def decoded(value: object) -> bytes | None:
    """Return the bytes of a base64 text; None if it is none, or empty."""
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True) or None
    except (binascii.Error, ValueError):
        return None
