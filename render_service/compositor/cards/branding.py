"""The palette of a brand: its colours, made legible where letters stand on each other's."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from render_service.compositor.cards.palettes import LIGHT, Palette, hexadecimal, palette_of, parts
from render_service.domain.layers.brand import Brand, BrandColors
from render_service.domain.layers.contrast import (
    BLACK,
    LEAST_CONTRAST,
    WHITE,
    blended,
    contrast,
    contrasting,
    luminance,
    rgb,
    stands_out,
)

_DEEP = 0.74
"""How much black a ground has that follows from a colour of the brand."""
_FOOT = 0.32
"""How much the foot of the ground moves away from its letters."""
_LIGHTS = (0.55, 0.45, 0.35, 0.26, 0.18, 0.12, 0.06, 0.0)
"""How much of a brand's colour the light in a ground may have, the most that letters allow."""
_EASY, _KEPT = 7.0, 0.92
"""The contrast of letters that the light may use up: down to the first, or to a share of what there is."""
_ALIKE, _ALIKE_PART = 0.12, 0.2
_LEAST_SEEN = 2.0
"""The least contrast of shapes to the ground, a ratio as of letters."""
_STEPS = 32
_BRIGHT, _DARK = "#FAF8F4", "#12151C"


@lru_cache(maxsize=64)
def palette_for(theme: str, brand: Brand | None = None) -> Palette:
    """Return the palette of a theme, and of a brand if there is one."""
    palette = palette_of(theme)
    return palette if brand is None else branded(palette, brand)


def branded(palette: Palette, brand: Brand) -> Palette:
    """Return a palette with the colours and fonts of a brand in place of its own.

    Letters have a contrast of at least 4.5 : 1 to every part of the ground, and shapes one of 2 : 1.

    Args:
        palette: Has what the brand leaves open.
        brand: The brand.
    """
    palette = replace(palette, heading=brand.fonts.heading or brand.fonts.body, body=brand.fonts.body)
    colors = brand.colors
    if colors == BrandColors():
        return palette
    hues = [color for color in (colors.primary, colors.secondary, colors.accent) if color]
    base = colors.background or (blended(hues[0], BLACK, _DEEP) if hues else hexadecimal(palette.top))
    pole = contrasting(base)
    foot = blended(base, BLACK if pole == WHITE else WHITE, _FOOT)
    light = next((hue for hue in hues if distance(hue, base) > _ALIKE), blended(base, pole, 0.3))
    lights = (blended(base, light, share) for share in (_LIGHTS if pole == WHITE else _LIGHTS[3:]))
    least = max(LEAST_CONTRAST, min(_EASY, _KEPT * _least(pole, (base,))))
    glow = next((one for one in lights if _least(pole, (blended(base, one, LIGHT),)) >= least), base)
    grounds = (base, foot, blended(base, glow, LIGHT))
    ink = _mixed(colors.text or (_BRIGHT if pole == WHITE else _DARK), pole, grounds, LEAST_CONTRAST)
    accents = [color for color in (colors.of("accent"), colors.primary, colors.secondary) if color]
    accents = accents or [colors.text or hexadecimal(palette.accent)]
    accent = next((one for one in accents if _least(one, grounds) >= _LEAST_SEEN), "")
    accent = accent or _mixed(accents[0], pole, grounds, _LEAST_SEEN)
    return replace(
        palette,
        top=parts(base),
        bottom=parts(foot),
        glow=parts(glow),
        accent=parts(accent),
        ink=parts(ink),
        text=colors.text,
        quiet=palette.quiet if all(stands_out(blended(one, ink, palette.quiet), one) for one in grounds) else 1.0,
        pole=pole,
        veil=base,
        series=tuple(_series(colors, accent, base, pole)),
    )


def distance(one: str, other: str) -> float:
    """Return how far apart two colours are, 0–1: the largest difference of their parts."""
    return max(abs(a - b) for a, b in zip(rgb(one), rgb(other), strict=True))


def _series(colors: BrandColors, accent: str, ground: str, pole: str) -> Iterator[str]:
    """Yield colours of the brand, their tints and their shades, each unlike the ground, the accent and the others."""
    found = [accent, ground]
    own = [color for color in (colors.accent, colors.primary, colors.secondary, accent) if color]
    tints = [blended(color, ground, 0.45) for color in own]
    shades = [blended(color, pole, 0.45) for color in own]
    for color in (*own, *tints, *shades):
        if all(distance(color, other) > _ALIKE_PART for other in found):
            found.append(color)
            yield color


def _least(color: str, grounds: tuple[str, ...]) -> float:
    own = luminance(rgb(color))
    return min(contrast(own, luminance(rgb(ground))) for ground in grounds)


def _mixed(color: str, pole: str, grounds: tuple[str, ...], least: float) -> str:
    """Return a colour with as little of black or white in it as gives it a contrast to all of some grounds."""
    mixed = (blended(color, pole, step / _STEPS) for step in range(_STEPS + 1))
    return next((one for one in mixed if _least(one, grounds) >= least), pole)
