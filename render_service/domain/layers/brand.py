"""The colors and fonts of a brand, by their roles."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BrandFonts:
    """Names of fonts; empty means: the service's own."""

    heading: str = ""
    body: str = ""
    caption: str = ""

    def of(self, role: str) -> str:
        """Return the font of a role; empty if there is none. Without a font of their own, captions have the body's."""
        font: str = getattr(self, role)
        return font or (self.body if role == "caption" else "")


@dataclass(frozen=True, slots=True)
class BrandColors:
    """Colors, `#RRGGBB`; empty means: there is none."""

    primary: str = ""
    secondary: str = ""
    accent: str = ""
    background: str = ""
    text: str = ""

    def of(self, role: str) -> str:
        """Return the color of a role; empty if there is none. Without an accent, the primary color is the accent."""
        color: str = getattr(self, role)
        return color or (self.primary if role == "accent" else "")


@dataclass(frozen=True, slots=True)
class Brand:
    """What cards, labels and shapes of a video look like where nothing else is named."""

    colors: BrandColors = field(default_factory=BrandColors)
    fonts: BrandFonts = field(default_factory=BrandFonts)
