"""The outlines of a TrueType font (tables glyf and loca), checked and without their programs."""

from dataclasses import dataclass
from typing import Any

from fontTools.ttLib import TTFont

from render_service.fonts.faults import FontRefused

MOST_POINTS = 20_000
"""Points of one glyph, those of its parts included. Large Arabic ligatures have 3,000."""
MOST_POINTS_OF_ALL = 8_000_000
MOST_PARTS = 256
"""Parts of one glyph, those of its parts included."""
DEEPEST = 8
"""How deep parts may hold parts."""
_WITH_PROGRAM = 0x0100  # WE_HAVE_INSTRUCTIONS, a flag of a part


def rebuild_glyphs(font: TTFont) -> None:
    """Check all glyphs of a font and remove their programs, so that none is ever run.

    Raises:
        FontRefused: A glyph has too many points or parts, or contains itself.
    """
    glyf: Any = font["glyf"]
    _count_points(glyf)
    parts: dict[str, list[str]] = {}
    own: dict[str, int] = {}
    for name in font.getGlyphOrder():
        glyph = glyf[name]  # expands it
        if glyph.isComposite():
            parts[name] = [part.glyphName for part in glyph.components]
            own[name] = 0
            for part in glyph.components:
                part.flags &= ~_WITH_PROGRAM
            if hasattr(glyph, "program"):
                del glyph.program
        else:
            parts[name] = []
            own[name] = len(glyph.coordinates) if glyph.numberOfContours else 0
            if hasattr(glyph, "program"):
                glyph.program.fromBytecode(b"")
    counts = _Counts(parts, own, {})
    for name in font.getGlyphOrder():
        counts.of(name, ())
    for name in font.getGlyphOrder():
        glyf[name].recalcBounds(glyf)


def _count_points(glyf: Any) -> None:
    """Count the points before any glyph is expanded: a few bytes can stand for 65,536 of them."""
    total = 0
    for glyph in glyf.glyphs.values():
        data = getattr(glyph, "data", b"")
        contours = int.from_bytes(data[:2], "big", signed=True) if len(data) >= 10 else 0
        if contours <= 0:
            continue
        last = 10 + 2 * (contours - 1)
        points = int.from_bytes(data[last : last + 2], "big") + 1
        if points > MOST_POINTS:
            raise FontRefused(f"has a glyph of {points:,} points; the most are {MOST_POINTS:,}")
        total += points
    if total > MOST_POINTS_OF_ALL:
        raise FontRefused(f"has glyphs of {total:,} points in all; the most are {MOST_POINTS_OF_ALL:,}")


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts what glyphs are made of, each glyph once: (points, parts, depth) of those counted are in `known`."""

    parts: dict[str, list[str]]
    own: dict[str, int]
    known: dict[str, tuple[int, int, int]]

    def of(self, name: str, within: tuple[str, ...]) -> tuple[int, int, int]:
        """Return the counts of a glyph that is a part of others."""
        if name in self.known:
            return self.known[name]
        if name in within:
            raise FontRefused("has a glyph that contains itself; export the font again")
        if len(within) > DEEPEST:
            raise FontRefused(f"has a glyph whose parts hold parts more than {DEEPEST} deep; export the font again")
        points, parts, depth = self.own[name], 0, 0
        for part in self.parts[name]:
            held = self.of(part, (*within, name))
            points, parts, depth = points + held[0], parts + 1 + held[1], max(depth, 1 + held[2])
        if points > MOST_POINTS or parts > MOST_PARTS:
            raise FontRefused(
                f"has a glyph of {points:,} points in {parts:,} parts; the most are {MOST_POINTS:,} and {MOST_PARTS:,}"
            )
        if depth > DEEPEST:
            raise FontRefused(f"has a glyph whose parts hold parts more than {DEEPEST} deep; export the font again")
        self.known[name] = (points, parts, depth)
        return self.known[name]
