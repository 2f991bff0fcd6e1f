"""The outlines of an OpenType font (table CFF), drawn anew: without subroutines and hints."""

from typing import Any

from fontTools.misc.psCharStrings import T2CharString, T2OutlineExtractor
from fontTools.pens.boundsPen import ControlBoundsPen
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.ttLib import TTFont

from render_service.fonts.faults import FontRefused
from render_service.fonts.truetype import MOST_POINTS

DEEPEST = 10
"""How deep subroutines may call each other (Adobe Technical Note #5177, appendix B)."""
_MOST_CALLS = 20_000
_MOST_OPERANDS = 513  # that of CFF2; CFF has 48

Bounds = tuple[float, float, float, float]


class _BoundedExtractor(T2OutlineExtractor):  # type: ignore[misc]  # fontTools has no types
    """Runs the program of a glyph within bounds."""

    def __init__(self, pen: Any, private: Any, global_subroutines: Any) -> None:
        widths = private.nominalWidthX, private.defaultWidthX
        super().__init__(pen, getattr(private, "Subrs", []), global_subroutines, *widths, private)
        self._depth = 0
        self._calls = 0
        self._pen = pen

    def execute(self, charString: T2CharString) -> None:  # noqa: N803 - named by fontTools
        """Run a program, or a subroutine of it."""
        self._depth += 1
        self._calls += 1
        if self._depth > DEEPEST + 1 or self._calls > _MOST_CALLS:
            raise FontRefused("has a glyph whose subroutines call each other without end; export the font again")
        if len(self._pen.value) > MOST_POINTS or len(self.operandStack) > _MOST_OPERANDS:
            raise FontRefused(f"has a glyph of more than {MOST_POINTS:,} points")
        super().execute(charString)
        self._depth -= 1

    def op_endchar(self, index: int) -> None:
        """End the glyph; four arguments before the end would compose it of two others."""
        if len(self.popallWidth()) >= 4:
            raise FontRefused("has accents composed by the deprecated form of endchar; export the font again")
        self.endPath()


def rebuild_charstrings(font: TTFont) -> list[Bounds]:
    """Draw all glyphs of a font anew.

    Returns:
        The bounds of each glyph that has outlines, in font units.

    Raises:
        FontRefused: A glyph is too large, or its subroutines call each other too deep.
    """
    cff = font["CFF "].cff
    if len(cff.fontNames) != 1:
        raise FontRefused("has several fonts in its table CFF; upload each font as a file of its own")
    top = cff.topDictIndex[0]
    units = font["head"].unitsPerEm
    privates = [one.Private for one in top.FDArray] if hasattr(top, "FDArray") else [top.Private]
    for holder in (top, *(top.FDArray if hasattr(top, "FDArray") else ())):
        _check_matrix(holder, units)
    charstrings, widths = top.CharStrings, font["hmtx"].metrics
    drawn: dict[str, T2CharString] = {}
    bounds: list[Bounds] = []
    for name in font.getGlyphOrder():
        charstring, selected = charstrings.getItemAndSelector(name)
        private = privates[selected or 0] if hasattr(top, "FDArray") else privates[0]
        recorded = RecordingPen()
        _BoundedExtractor(recorded, private, cff.GlobalSubrs).execute(charstring)
        pen, extent = T2CharStringPen(widths[name][0], None), ControlBoundsPen(None)
        recorded.replay(pen)
        recorded.replay(extent)
        drawn[name] = pen.getCharString(private, cff.GlobalSubrs)
        if extent.bounds is not None:
            bounds.append(extent.bounds)
    for name, charstring in drawn.items():
        charstrings[name] = charstring
    for private in privates:
        private.nominalWidthX = private.defaultWidthX = 0
        if hasattr(private, "Subrs"):
            del private.Subrs
            private.rawDict.pop("Subrs", None)
    cff.GlobalSubrs.clear()
    return bounds


def _check_matrix(holder: Any, units: int) -> None:
    """Refuse a matrix that draws letters in another size than the units of the font say."""
    matrix = holder.rawDict.get("FontMatrix")
    if matrix is None:
        return
    expected = ((1 / units, 0, 0, 1 / units, 0, 0), (1, 0, 0, 1, 0, 0))
    if not any(all(abs(a - b) <= 1e-6 for a, b in zip(matrix, one, strict=True)) for one in expected):
        raise FontRefused("has a FontMatrix that does not agree with its units per em; export the font again")
