"""Colours of a card's letters, shapes and grounds, with a contrast of at least 4.5 : 1 wherever letters stand."""

from dataclasses import dataclass

from render_service.compositor.cards.branding import distance, palette_for
from render_service.compositor.cards.palettes import LIGHT, Palette, hexadecimal
from render_service.domain.cards.model import ShotCard
from render_service.domain.layers.brand import Brand
from render_service.domain.layers.contrast import (
    BLACK,
    WHITE,
    blended,
    contrast,
    contrasting,
    luminance,
    rgb,
    stands_out,
)
from render_service.domain.layers.model import ColorStop, Gradient, Layer, ShapeLayer

_BRIGHT, _DARK = "#FAF8F4", "#12151C"
_LEAST_VEIL, _VEIL_STEPS = 0.68, 32
_SHADES = 32
# Letters so heavy and so large are headings.
_HEAVY, _LARGE = 700, 0.055
_MUTED, _PANEL, _FAINT = 0.28, 0.1, 0.2
# The ground darkens, or lightens, to its foot.
_SHADE = 0.22
# Colours of the parts of a ring beside the accent; those too much like it are passed over.
_SERIES = ("#5EB8F2", "#9B8CF8", "#F07EB0", "#56C98C", "#F29B55", "#C4C8D0", "#2FC4C4", "#E8C84E")
_ALIKE = 0.32
# Enough for a ring of eight parts, in two shades of each.
_LEAST_SERIES = 5


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
        palette: What the colours follow from, and the fonts.
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
    palette: Palette | None = None

    def font(self, weight: int, size: float) -> str:
        """Return the name of the font of letters; empty is the service's own.

        Args:
            weight: Their weight.
            size: The most that they measure, as a share of the frame's shorter side.
        """
        if self.palette is None:
            return ""
        return self.palette.heading if weight >= _HEAVY and size >= _LARGE else self.palette.body


def theme_of(card: ShotCard, theme: str, *, over_picture: bool, brand: Brand | None = None) -> Theme:
    """Return the colours of a card.

    Args:
        card: The card.
        theme: What all cards of a video share; decides the colours that card and brand leave open.
        over_picture: Whether it lies over a picture or clip, of any colours.
        brand: Decides the colours that the card leaves open, and the fonts.
    """
    palette = palette_for(theme, brand)
    accent = card.accent or hexadecimal(palette.accent)
    if over_picture:
        color = card.background or palette.veil
        ground, veil = _veiled(color)
        over = (Layer("card-veil", shape=ShapeLayer(color=veil)),)
        return on_ground(ground, accent, over, pole=contrasting(color), palette=palette)
    if not card.background:
        top, lit = hexadecimal(palette.top), blended(hexadecimal(palette.top), hexadecimal(palette.glow), LIGHT)
        ground = min((lit, top), key=lambda color: _contrast(color, hexadecimal(palette.ink)))
        return on_ground(ground, accent, pole=palette.pole, palette=palette)
    away = BLACK if contrasting(card.background) == WHITE else WHITE
    stops = (ColorStop(card.background), ColorStop(blended(card.background, away, _SHADE), 1.0))
    filled = Layer("card-ground", shape=ShapeLayer(gradient=Gradient(angle=160, stops=stops)))
    return on_ground(card.background, accent, (filled,), palette=palette)


def panel_theme(card: ShotCard, theme: str, brand: Brand | None = None) -> Theme:
    """Return the colours of a card that lies in a panel of its own over the bare picture."""
    palette = palette_for(theme, brand)
    accent, color = card.accent or hexadecimal(palette.accent), card.background or palette.veil
    ground, veil = _veiled(color, least=0.86)
    return on_ground(ground, accent, panel=veil, pole=contrasting(color), palette=palette)


def on_ground(
    ground: str,
    accent: str,
    under: tuple[Layer, ...] = (),
    *,
    panel: str = "",
    pole: str = "",
    palette: Palette | None = None,
) -> Theme:
    """Return the colours of letters and shapes.

    Args:
        ground: The least favourable colour that letters stand on.
        accent: The accent.
        under: What is drawn over the picture and under the card.
        panel: Colour of the panel that they stand in, if they do.
        pole: Black or white, whichever letters tend to; empty is what stands out more.
        palette: Has the colours of letters and of further parts, and the fonts.
    """
    text, series = (palette.text, palette.series) if palette else ("", ())
    pole = pole or contrasting(ground)
    ink = _legible(text or (_BRIGHT if pole == WHITE else _DARK), ground, pole)
    return Theme(
        ground=ground,
        ink=ink,
        muted=_legible(blended(ink, ground, _MUTED), ground, pole),
        accent=accent,
        accent_ink=_legible(accent, ground, pole),
        on_accent=contrasting(accent),
        panel=panel or f"{_raised(ground, ink)}{round(_PANEL * 255):02X}",
        faint=f"{ink}{round(_FAINT * 255):02X}",
        series=_series((accent, *series)),
        under=under,
        palette=palette,
    )


def in_panel(theme: Theme) -> Theme:
    """Return the colours of letters and shapes that stand in a panel on the ground of a theme."""
    pole = WHITE if luminance(rgb(theme.ink)) > luminance(rgb(theme.ground)) else BLACK
    ground = blended(theme.ground, theme.panel[:7], _PANEL)
    return on_ground(ground, theme.accent, panel=theme.panel, pole=pole, palette=theme.palette)


def _raised(ground: str, ink: str) -> str:
    """Return the colour of a panel: that of letters, unless they could not be read on it any more."""
    lighter = blended(ground, ink, _PANEL)
    if stands_out(ink, lighter):
        return ink
    return BLACK if luminance(rgb(ink)) > luminance(rgb(ground)) else WHITE


def _legible(color: str, ground: str, pole: str) -> str:
    """Return a colour with as little of black or white in it as lets letters be read on a ground."""
    if not stands_out(pole, ground):
        # Of black and white, one always does.
        pole = contrasting(ground)
    mixed = (blended(color, pole, step / _SHADES) for step in range(_SHADES + 1))
    return next(one for one in mixed if stands_out(one, ground))


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


def _series(own: tuple[str, ...]) -> tuple[str, ...]:
    """Return the accent and colours of a brand, and then further ones that are not much like them.

    Where those are too few, the ones that are least like them follow.
    """
    away = {color: min(distance(color, one) for one in own) for color in _SERIES}
    unlike = [color for color in _SERIES if away[color] > _ALIKE]
    others = sorted((color for color in _SERIES if 0 < away[color] <= _ALIKE), key=lambda color: -away[color])
    return (*own, *unlike, *others[: max(0, _LEAST_SERIES - len(own) - len(unlike))])


def _contrast(one: str, other: str) -> float:
    return contrast(luminance(rgb(one)), luminance(rgb(other)))
