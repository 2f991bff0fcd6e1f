"""A family that a text names draws the characters that it has; all others are drawn as before."""

import pytest

from render_service.compositor.captions.layout import caption_format, look_format
from render_service.compositor.text.fonts import COLOR_EMOJI, coverage, family_face, load_font, split_by_face
from render_service.compositor.text.typesetting import LineStyle, measure, set_line
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.layers.fonts import FONT_FAMILIES, FontFamily
from render_service.domain.projects.looks.captions import CaptionPreset
from render_service.domain.projects.output import AspectRatio, OutputOptions, decide_output
from render_service.domain.projects.project import CaptionOptions, Project
from render_service.fonts.names import read_scripts

LETTERS = frozenset(map(ord, "AZazÀÿĀžŒœ0987€&@!?“”‘’–—…"))


@pytest.mark.parametrize("family", FONT_FAMILIES, ids=[family.name for family in FONT_FAMILIES])
def test_every_weight_of_a_family_is_the_named_font_and_has_the_letters_of_europe(family: FontFamily) -> None:
    for weight in family.weights:
        face = family_face(family.name.upper(), weight)
        assert face is not None
        assert coverage(face) >= LETTERS
        assert str(load_font(face, 20, weight).getname()[0]).startswith(family.name.split()[0])


@pytest.mark.parametrize("family", FONT_FAMILIES, ids=[family.name for family in FONT_FAMILIES])
def test_a_family_draws_the_characters_and_scripts_that_it_is_listed_with(family: FontFamily) -> None:
    for weight in family.weights:
        face = family_face(family.name, weight)
        assert face is not None
        assert len(coverage(face)) == family.characters
        assert read_scripts(sorted(coverage(face))) == family.scripts


def test_the_nearest_weight_of_a_family_is_used() -> None:
    nearest = {weight: family_face("Montserrat", weight) for weight in (100, 500, 600, 700, 790, 900)}
    names = {weight: face.name for weight, face in nearest.items() if face}
    assert names == {
        100: "Montserrat-Medium",
        500: "Montserrat-Medium",
        600: "Montserrat-Bold",
        700: "Montserrat-Bold",
        790: "Montserrat-Bold",
        900: "Montserrat-Black",
    }


def test_characters_that_a_family_lacks_are_drawn_by_the_usual_faces() -> None:
    anton = family_face("Anton", 400)
    text = "Tokyo 東京、“quoted” 😀 مرحبا"
    faces = split_by_face(text, "ja", anton)
    usual = dict(enumerate(face for part, face in split_by_face(text, "ja") for _ in part))
    position = 0
    for part, face in faces:
        for character in part:
            if face == anton:
                assert ord(character) in coverage(face)
            else:
                assert face == usual[position], character
            position += 1
    assert faces[0] == ("Tokyo ", anton)
    assert any(face == COLOR_EMOJI for _, face in faces)


def test_a_font_changes_the_width_of_a_text_and_no_font_changes_nothing() -> None:
    plain, anton = LineStyle(40, 600), LineStyle(40, 600, font="Anton")
    assert measure("Hamburg", anton) < 0.9 * measure("Hamburg", plain)
    assert set_line("東京", anton).runs == set_line("東京", plain).runs


@pytest.mark.parametrize("preset", [None, CaptionPreset.WORD_POP])
def test_captions_are_set_in_the_font_of_the_project(preset: CaptionPreset | None) -> None:
    output = decide_output(OutputOptions(), AspectRatio.LANDSCAPE_16_9)
    spec = RenderSpec(Project(captions=CaptionOptions(preset=preset, font="Poppins")), output)
    fmt = look_format(spec) if preset else caption_format(spec)
    assert fmt is not None
    assert fmt.font == "Poppins"
