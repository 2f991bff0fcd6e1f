"""The font families that texts and captions can name."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from render_service.domain.layers.brand_names import BRAND, FONT_ROLES, role_of
from render_service.domain.layers.uploaded_fonts import WORKSPACE, family_name_fault, uploaded_family

LONGEST_FONT_NAME = 64


@dataclass(frozen=True, slots=True)
class FontFamily:
    """A family that comes with the service.

    Args:
        name: What projects call it; case does not matter.
        characters: How many characters it draws.
        scripts: The scripts that it draws, ISO 15924 codes in alphabetical order.
        weights: The weights that it has, 100 (thin) to 900 (black), in ascending order.
    """

    name: str
    characters: int
    scripts: tuple[str, ...]
    weights: tuple[int, ...] = (400,)

    def nearest_weight(self, weight: int) -> int:
        """Return the weight of the family that is nearest to another, the heavier of two that are as near."""
        return min(self.weights, key=lambda own: (abs(own - weight), -own))


_LATIN, _CYRILLIC = ("Latn",), ("Cyrl", "Latn")
FONT_FAMILIES = (
    FontFamily("Anton", 871, _LATIN),
    FontFamily("Archivo Black", 400, _LATIN),
    FontFamily("Bangers", 551, _LATIN),
    FontFamily("Bebas Neue", 434, _LATIN),
    FontFamily("Caveat", 597, _CYRILLIC, (400, 700)),
    FontFamily("DM Serif Display", 327, _LATIN),
    FontFamily("Inter", 1159, _CYRILLIC, (400, 700)),
    FontFamily("Lobster", 828, _CYRILLIC),
    FontFamily("Montserrat", 1000, _CYRILLIC, (500, 700, 900)),
    FontFamily("Oswald", 697, _CYRILLIC, (400, 600)),
    FontFamily("Pacifico", 656, _CYRILLIC),
    FontFamily("Playfair Display", 659, _CYRILLIC, (400, 700)),
    FontFamily("Poppins", 366, _LATIN, (400, 600, 800)),
    FontFamily("Roboto Slab", 627, _CYRILLIC, (400, 700)),
)
_BY_NAME: Mapping[str, FontFamily] = MappingProxyType({family.name.casefold(): family for family in FONT_FAMILIES})


def find_family(name: str) -> FontFamily | None:
    """Return the family of a name in any case; None if the service has none of this name."""
    return _BY_NAME.get(name.casefold())


def family_fault(name: str) -> str | None:
    """Return what is wrong with a family, of the service or uploaded, in words that complete "… <field>: "; or None."""
    if find_family(name) is not None:
        return None
    family = uploaded_family(name)
    if family is not None:
        fault = family_name_fault(family)
        return None if fault is None else f"{fault} after {WORKSPACE}"
    named = ", ".join(family.name for family in FONT_FAMILIES)
    return f"must be one of {named}, or {WORKSPACE} and the name of an uploaded family"


def font_fault(name: str) -> str | None:
    """Do as `family_fault` where a font of the brand kit can be named, too."""
    if name.startswith(BRAND):
        return None if role_of(name, FONT_ROLES) else f"must be one of {', '.join(BRAND + role for role in FONT_ROLES)}"
    return family_fault(name)
