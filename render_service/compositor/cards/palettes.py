"""The colours of designed cards and backgrounds: one palette for all of a video."""

import hashlib
from dataclasses import dataclass

from render_service.domain.layers.contrast import rgb

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a card, sRGB 0–255, and its fonts.

    Args:
        top: Of the ground, as are the next two.
        bottom: The other end of its gradient.
        glow: The light in it.
        accent: Of shapes.
        ink: Of letters on the ground.
        heading: Name of the font of titles and large numbers; empty is the service's own.
        body: Of other letters.
        pole: Black or white, `#RRGGBB`, whichever letters on the ground tend to; empty is what stands out more.
        quiet: Opacity of letters that step back.
        text: Colour of letters wherever they can be read in it, `#RRGGBB`; empty is a bright or a dark one.
        veil: Colour of what lies between a picture and a card over it, `#RRGGBB`.
        series: Of the parts of a chart, besides the accent and before any others, `#RRGGBB`.
    """

    top: Rgb
    bottom: Rgb
    glow: Rgb
    accent: Rgb
    ink: Rgb = (250, 248, 244)
    heading: str = ""
    body: str = ""
    pole: str = ""
    quiet: float = 0.82
    text: str = ""
    veil: str = "#0A0E16"
    series: tuple[str, ...] = ()


PALETTES = (
    Palette((16, 34, 62), (8, 14, 28), (44, 104, 164), (255, 186, 92)),
    Palette((32, 26, 66), (13, 11, 32), (104, 70, 182), (255, 158, 128)),
    Palette((9, 52, 56), (5, 20, 26), (28, 134, 128), (255, 209, 102)),
    Palette((58, 24, 42), (23, 9, 20), (164, 56, 92), (255, 196, 140)),
    Palette((28, 42, 36), (11, 17, 17), (72, 130, 98), (232, 208, 128)),
    Palette((66, 24, 30), (22, 9, 16), (190, 84, 52), (255, 204, 128)),
)
LIGHT = 0.8
"""How much of the light's colour its middle has."""


def palette_of(theme: str) -> Palette:
    """Return the palette of a theme; the same text gives the same palette."""
    return PALETTES[hashlib.sha256(theme.encode()).digest()[0] % len(PALETTES)]


def hexadecimal(color: Rgb) -> str:
    """Return a colour as `#RRGGBB`."""
    return "#" + "".join(f"{part:02X}" for part in color)


def parts(color: str) -> Rgb:
    """Return a colour `#RRGGBB` in parts 0–255."""
    red, green, blue = (round(255 * part) for part in rgb(color))
    return red, green, blue
