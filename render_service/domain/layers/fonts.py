"""The font families that texts and captions can name."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from render_service.domain.layers.brand_names import BRAND, FONT_ROLES, role_of

LONGEST_FONT_NAME = 64


@dataclass(frozen=True, slots=True)
class FontFamily:
    """A family that comes with the service.

    Args:
        name: What projects call it; case does not matter.
        weights: The weights that it has, 100 (thin) to 900 (black), in ascending order.
    """

    name: str
    weights: tuple[int, ...] = (400,)

    def nearest_weight(self, weight: int) -> int:
        """Return the weight of the family that is nearest to another, the heavier of two that are as near."""
        return min(self.weights, key=lambda own: (abs(own - weight), -own))


FONT_FAMILIES = (
    FontFamily("Anton"),
    FontFamily("Archivo Black"),
    FontFamily("Bangers"),
    FontFamily("Bebas Neue"),
    FontFamily("Caveat", (400, 700)),
    FontFamily("DM Serif Display"),
    FontFamily("Inter", (400, 700)),
    FontFamily("Lobster"),
    FontFamily("Montserrat", (500, 700, 900)),
    FontFamily("Oswald", (400, 600)),
    FontFamily("Pacifico"),
    FontFamily("Playfair Display", (400, 700)),
    FontFamily("Poppins", (400, 600, 800)),
    FontFamily("Roboto Slab", (400, 700)),
)
_BY_NAME: Mapping[str, FontFamily] = MappingProxyType({family.name.casefold(): family for family in FONT_FAMILIES})


def find_family(name: str) -> FontFamily | None:
    """Return the family of a name in any case; None if the service has none of this name."""
    return _BY_NAME.get(name.casefold())


def family_fault(name: str) -> str | None:
    """Return what is wrong with the name of a family, in words that complete "… <field>: "; None for a good one."""
    if find_family(name) is not None:
        return None
    return f"must be one of {', '.join(family.name for family in FONT_FAMILIES)}"


def font_fault(name: str) -> str | None:
    """Do as `family_fault` where a font of the brand kit can be named, too."""
    if name.startswith(BRAND):
        return None if role_of(name, FONT_ROLES) else f"must be one of {', '.join(BRAND + role for role in FONT_ROLES)}"
    return family_fault(name)
