"""What is stored of an uploaded font: a new file, with only what texts need."""

import io
from pathlib import Path

import pytest
import uharfbuzz
from fontTools.misc.psCharStrings import T2CharString
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables.DefaultTable import DefaultTable
from fontTools.ttLib.tables.ttProgram import Program
from PIL import ImageFont

from render_service.compositor.text import fonts
from render_service.domain.brand.fonts import FontLicense
from render_service.fonts.drawing import check_drawing
from render_service.fonts.sanitizer import sanitize
from tests.unit.fonts.building import opened, opentype, truetype, variable, written

FAMILIES = Path(fonts.__file__).parent / "font_files/families"


def shaped(content: bytes, text: str) -> list[tuple[int, int]]:
    """The numbers of the glyphs of a text, and their advances."""
    face = uharfbuzz.Face(uharfbuzz.Blob(content))
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(uharfbuzz.Font(face), buffer)
    assert buffer.glyph_infos is not None
    assert buffer.glyph_positions is not None
    places = zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    return [(info.codepoint, place.x_advance) for info, place in places]


def drawn(content: bytes, text: str) -> bytes:
    """The pixels of a text."""
    font = ImageFont.truetype(io.BytesIO(content), 40, layout_engine=ImageFont.Layout.RAQM)
    return bytes(font.getmask(text))


def test_a_font_says_what_it_is() -> None:
    facts = sanitize(truetype(family="Acme Sans", weight=700, italic=True, license_bits=8)).facts
    assert (facts.family, facts.min_weight, facts.max_weight, facts.italic) == ("Acme Sans", 700, 700, True)
    assert facts.license is FontLicense.EDITABLE
    assert facts.characters == 4


def test_a_family_that_is_given_takes_the_place_of_the_fonts_own() -> None:
    assert sanitize(truetype(), "Other Name").facts.family == "Other Name"


def test_a_font_draws_and_shapes_as_it_did() -> None:
    content = (FAMILIES / "Inter-Regular.ttf").read_bytes()
    checked = sanitize(content)
    for text in ("Hamburgefonstiv", "AVATAR To fi ffl", "Привет"):
        assert shaped(checked.content, text) == shaped(content, text)
        assert drawn(checked.content, text) == drawn(content, text)
    assert {"Latn", "Cyrl"} <= set(checked.facts.scripts)


def test_a_font_with_cff_outlines_draws_as_it_did() -> None:
    # Two squares, one of which comes from a subroutine.
    def change(font: TTFont) -> None:
        top = font["CFF "].cff.topDictIndex[0]
        square = T2CharString(program=[50, 0, "rmoveto", 200, "hlineto", 200, "vlineto", -200, "hlineto", "return"])
        font["CFF "].cff.GlobalSubrs.append(square)
        top.CharStrings["B"].setProgram([600, -107, "callgsubr", 0, 0, "rmoveto", 100, "hlineto", "endchar"])

    content = opentype(change=change)
    checked = sanitize(content)
    assert drawn(checked.content, "ABC") == drawn(content, "ABC")
    cff = opened(checked.content)["CFF "].cff
    assert len(cff.GlobalSubrs) == 0
    check_drawing(checked.content)


def test_programs_pictures_and_unknown_tables_are_dropped() -> None:
    def change(font: TTFont) -> None:
        for tag in ("fpgm", "prep"):
            font[tag] = newTable(tag)
            font[tag].program = Program()
            font[tag].program.fromBytecode(b"\xb0\x00\x21")
        font["glyf"]["A"].program.fromBytecode(b"\xb0\x00\x21")
        for tag in ("SVG ", "EBDT", "Xtra"):
            font[tag] = _raw(tag)

    checked = sanitize(truetype(change=change))
    assert set(checked.dropped) == {"fpgm", "prep", "SVG", "EBDT", "Xtra"}
    font = opened(checked.content)
    assert not {"fpgm", "prep", "SVG ", "EBDT", "Xtra"} & set(font.keys())
    assert not any(
        glyph.program.getBytecode() for name in font.getGlyphOrder() if hasattr(glyph := font["glyf"][name], "program")
    )


def _raw(tag: str) -> object:
    table = DefaultTable(tag)
    table.data = b"\x00" * 16
    return table


def test_a_glyph_made_of_others_keeps_its_parts() -> None:
    def change(font: TTFont) -> None:
        pen = TTGlyphPen({"A": None})
        pen.addComponent("A", (1, 0, 0, 1, 0, 0))
        pen.addComponent("A", (0.5, 0, 0, 0.5, 300, 100))
        font["glyf"]["C"] = pen.glyph()

    content = truetype(change=change)
    assert drawn(sanitize(content).content, "C") == drawn(content, "C")


def test_a_variable_font_keeps_its_weights_whatever_its_axis_is_called() -> None:
    checked = sanitize(variable())
    assert (checked.facts.min_weight, checked.facts.max_weight) == (300, 900)
    font = ImageFont.truetype(io.BytesIO(checked.content), 40)
    assert [axis["name"] for axis in font.get_variation_axes()] == [b"Weight"]
    light = bytes(font.getmask("A"))
    font.set_variation_by_axes([900])
    assert bytes(font.getmask("A")) != light


@pytest.mark.parametrize("name", ["Lobster-Regular", "Bangers-Regular", "Poppins-Regular"])
def test_a_new_file_is_taken_again_and_stays_the_same(name: str) -> None:
    once = sanitize((FAMILIES / f"{name}.ttf").read_bytes())
    again = sanitize(once.content)
    assert again.sha256 == once.sha256
    assert again.dropped == ()


def test_old_fonts_with_several_licence_bits_count_as_the_most_open() -> None:
    def old(font: TTFont) -> None:
        font["OS/2"].version = 2
        font["OS/2"].fsType = 0x0006

    assert sanitize(truetype(change=old)).facts.license is FontLicense.PREVIEW_AND_PRINT
    assert written(opened(sanitize(truetype()).content))
