"""Colors as callers write them."""

import re

_COLOR = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")

Rgba = tuple[float, float, float, float]
"""Red, green, blue and opacity, 0–1, sRGB."""


def is_color(text: str) -> bool:
    """Return whether a text is a color: `#RRGGBB` or `#RRGGBBAA`."""
    return _COLOR.fullmatch(text) is not None


def parse_color(text: str) -> Rgba:
    """Return the parts of a valid color; without opacity it is opaque."""
    digits = text[1:].ljust(8, "f")
    red, green, blue, opacity = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4, 6))
    return red, green, blue, opacity
