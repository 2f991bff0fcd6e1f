"""Colours of a card's letters, shapes and grounds, with a contrast of at least 4.5 : 1 wherever letters stand."""

from dataclasses import dataclass

from render_service.compositor.cards.palettes import LIGHT, hexadecimal, palette_of
from render_service.domain.cards.model import ShotCard
from render_service.domain.layers.contrast import BLACK, WHITE, blended, contrasting, luminance, rgb, stands_out
from render_service.domain.layers.model import ColorStop, Gradient, Layer, ShapeLayer

_BRIGHT, _DARK = "#FAF8F4", "#12151C"
_VEIL = "#0A0E16"
_LEAST_VEIL, _VEIL_STEPS = 0.68, 32
_SHADES = 32
_MUTED, _PANEL, _FAINT = 0.28, 0.1, 0.2
# The ground darkens, or lightens, to its foot.
_SHADE = 0.22
# Colours of the parts of a ring beside the accent; those too much like it are passed over.
_SERIES = ("#5EB8F2", "#9B8CF8", "#F07EB0", "#56C98C", "#F29B55", "#C4C8D0", "#2FC4C4", "#E8C84E")
_ALIKE = 0.32


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one card, `#RRGGBB` or `#RRGGBBAA`.

    Args:
        ground: The least favourable colour that letters stand on.
        ink: Of letters.
        muted: Of letters that step back.
        accent: Of shapes.
        accent_ink: The accent where letters have it.
        on_accent: Of letters on the accent.
        panel: Of a panel on the ground.
        faint: Of lines and tracks that step back.
        series: Of the parts of a ring, the accent first.
        under: What is drawn over the picture and under the card.
    """

    ground: str
    ink: str
    muted: str
    accent: str
    accent_ink: str
    on_accent: str
    panel: str
    faint: str
    series: tuple[str, ...]
    under: tuple[Layer, ...] = ()


def theme_of(card: ShotCard, theme: str, *, over_picture: bool) -> Theme:
    """Return the colours of a card.

    Args:
        card: The card.
        theme: What all cards of a video share; decides the colours that the card leaves open.
        over_picture: Whether it lies over a picture or clip, of any colours.
    """
    palette = palette_of(theme)
    accent = card.accent or hexadecimal(palette.accent)
    if over_picture:
        ground, veil = _veiled(card.background or _VEIL)
        over = (Layer("card-veil", shape=ShapeLayer(color=veil)),)
        return on_ground(ground, accent, over, pole=contrasting(card.background or _VEIL))
    if not card.background:
        lit = blended(hexadecimal(palette.top), hexadecimal(palette.glow), LIGHT)
        return on_ground(lit, accent)
    away = BLACK if contrasting(card.background) == WHITE else WHITE
    stops = (ColorStop(card.background), ColorStop(blended(card.background, away, _SHADE), 1.0))
    filled = Layer("card-ground", shape=ShapeLayer(gradient=Gradient(angle=160, stops=stops)))
    return on_ground(card.background, accent, (filled,))


def panel_theme(card: ShotCard, theme: str) -> Theme:
    """Return the colours of a card that lies in a panel of its own over the bare picture."""
    accent = card.accent or hexadecimal(palette_of(theme).accent)
    ground, veil = _veiled(card.background or _VEIL, least=0.86)
    return on_ground(ground, accent, panel=veil, pole=contrasting(card.background or _VEIL))


def on_ground(ground: str, accent: str, under: tuple[Layer, ...] = (), panel: str = "", pole: str = "") -> Theme:
    """Return the colours of letters and shapes.

    Args:
        ground: The least favourable colour that letters stand on.
        accent: The accent.
        under: What is drawn over the picture and under the card.
        panel: Colour of the panel that they stand in, if they do.
        pole: Black or white, whichever letters tend to; empty is what stands out more.
    """
    pole = pole or contrasting(ground)
    ink = _legible(_BRIGHT if pole == WHITE else _DARK, ground, pole)
    return Theme(
        ground=ground,
        ink=ink,
        muted=_legible(blended(ink, ground, _MUTED), ground, pole),
        accent=accent,
        accent_ink=_legible(accent, ground, pole),
        on_accent=contrasting(accent),
        panel=panel or f"{_raised(ground, ink)}{round(_PANEL * 255):02X}",
        faint=f"{ink}{round(_FAINT * 255):02X}",
        series=(accent, *(color for color in _SERIES if _distance(color, accent) > _ALIKE)),
        under=under,
    )


def in_panel(theme: Theme) -> Theme:
    """Return the colours of letters and shapes that stand in a panel on the ground of a theme."""
    pole = WHITE if luminance(rgb(theme.ink)) > luminance(rgb(theme.ground)) else BLACK
    return on_ground(blended(theme.ground, theme.panel[:7], _PANEL), theme.accent, panel=theme.panel, pole=pole)


def _raised(ground: str, ink: str) -> str:
    """Return the colour of a panel: that of letters, unless they could not be read on it any more."""
    lighter = blended(ground, ink, _PANEL)
    if stands_out(ink, lighter):
        return ink
    return BLACK if luminance(rgb(ink)) > luminance(rgb(ground)) else WHITE


def _legible(color: str, ground: str, pole: str) -> str:
    """Return a colour with as little of black or white in it as lets letters be read on a ground."""
    mixed = (blended(color, pole, step / _SHADES) for step in range(_SHADES + 1))
    return next((one for one in mixed if stands_out(one, ground)), pole)


def _veiled(color: str, least: float = _LEAST_VEIL) -> tuple[str, str]:
    """Return the least favourable colour under a veil over any picture, and the veil, as thin as letters need it."""
    ink = contrasting(color)
    for step in range(_VEIL_STEPS + 1):
        share = least + (1 - least) * step / _VEIL_STEPS
        # A picture of the colour of letters is the worst.
        worst = blended(ink, color, share)
        if stands_out(ink, worst):
            break
    return worst, f"{color}{round(share * 255):02X}"


def _distance(one: str, other: str) -> float:
    return max(abs(a - b) for a, b in zip(rgb(one), rgb(other), strict=True))
