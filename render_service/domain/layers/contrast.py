"""How well colours stand out against each other."""

from render_service.domain.layers.colors import parse_color

BLACK, WHITE = "#000000", "#FFFFFF"
# WCAG 2.2, success criterion 1.4.3: what text of normal size needs.
LEAST_CONTRAST = 4.5
# In how many steps a colour becomes lighter or darker.
_SHADES = 32


def rgb(color: str) -> tuple[float, float, float]:
    """Return the parts 0–1 of a colour `#RRGGBB`."""
    return parse_color(color)[:3]


def luminance(color: tuple[float, float, float]) -> float:
    """Return the relative luminance 0–1 of an sRGB colour whose parts are 0–1 (WCAG 2.2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: float, other: float) -> float:
    """Return the contrast ratio, 1–21, of two relative luminances (WCAG 2.2)."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def contrasting(color: str) -> str:
    """Return black or white, whichever stands out more against a colour."""
    own = luminance(rgb(color))
    return BLACK if contrast(own, 0) >= contrast(own, 1) else WHITE


def stands_out(color: str, other: str) -> bool:
    """Return whether letters of a colour can be read on another."""
    return contrast(luminance(rgb(color)), luminance(rgb(other))) >= LEAST_CONTRAST


def blended(color: str, other: str, share: float) -> str:
    """Return a colour mixed with a share 0–1 of another."""
    parts = (one + (two - one) * share for one, two in zip(rgb(color), rgb(other), strict=True))
    return "#" + "".join(f"{round(part * 255):02X}" for part in parts)


def legible(color: str, ground: str) -> str:
    """Return a colour as little lightened or darkened as lets letters be read on another."""
    most = contrasting(ground)
    mixed = (blended(color, most, step / _SHADES) for step in range(_SHADES + 1))
    return next(one for one in mixed if stands_out(one, ground))
