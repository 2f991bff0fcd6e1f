"""JSON from other services, whose strings this service can store."""

import json
from typing import Any


def read_json(content: bytes | bytearray) -> Any:
    """Return what a JSON text holds, its strings without what Postgres cannot store: U+0000 and lone surrogates.

    Raises:
        ValueError: The text is not JSON, is nested too deeply, or has a number with too many digits.
    """
    try:
        value = json.loads(content)
        # Without an escape or a raw surrogate, which begins with this byte in UTF-8, there is nothing to remove.
        return _storable(value) if b"\\u" in content or b"\xed" in content else value
    except RecursionError:
        raise ValueError("nested too deeply") from None


def storable(text: str) -> str:
    """Return a text without what Postgres cannot store: U+0000 and lone surrogates."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value
