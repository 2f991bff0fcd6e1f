"""Templates: values come to stand where the project names them, and nowhere else, and nothing else changes."""

import re
import time
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.domain.projects.looks.sounds import SoundClip
from render_service.domain.projects.project import (
    CaptionOptions,
    Card,
    Music,
    Project,
    Shot,
    Transition,
    Watermark,
    WordTiming,
)
from render_service.domain.projects.template import (
    MAX_ADDED,
    MAX_VALUE,
    Filling,
    fill_in,
    is_variable_name,
    known_pieces,
)
from tests.unit.server.strategies import PROJECTS

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,62}", fullmatch=True)
BLANKS = st.text(" \t", max_size=3)
TEXTS = st.text(st.sampled_from("{}\\ ab1_\té语") | st.characters(codec="utf-8"), max_size=30)


def filled(text: str, **values: str) -> str:
    filling = fill(Project(script=text), values)
    assert filling.project is not None
    assert filling.faults == ()
    return filling.project.script


def fill(project: Project, values: Mapping[str, str]) -> Filling:
    return fill_in(project, values, "project", "variables")


def texts_of(value: Any) -> list[str]:
    """All texts of a record but ids, in order."""
    if is_dataclass(value):
        return [text for field in fields(value) if field.name != "id" for text in texts_of(getattr(value, field.name))]
    if isinstance(value, tuple):
        return [text for item in value for text in texts_of(item)]
    return [value] if type(value) is str else []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{city}}", "Oslo"),
        ("In {{city}} and {{ city }} and {{\tcity  }}.", "In Oslo and Oslo and Oslo."),
        ("{{city}}{{city}}", "OsloOslo"),
        ("{{{city}}}", "{Oslo}"),
        (r"\{{city}}, {{city}}", "{{city}}, Oslo"),
        (r"\\{{city}}", r"\Oslo"),
        (r"\\\{{ city }}{{city}}", r"\{{ city }}Oslo"),
    ],
)
def test_a_place_becomes_its_value_and_a_backslash_makes_it_plain_text(text: str, expected: str) -> None:
    assert filled(text, city="Oslo") == expected


@pytest.mark.parametrize(
    "text",
    ["{{", "}}", "{{}}", "{{ }}", "{{1st}}", "{{a b}}", "{{a-b}}", "{a}", "{{a}", "{{ a\n}}", "{{é}}", r"\{{", r"\\",
     r"C:\temp\{x}", "{{" + "n" * 64 + "}}", "{% a %}", "${a}"],
)  # fmt: skip
def test_braces_in_any_other_form_stay_as_they_are(text: str) -> None:
    assert filled(text) == text
    assert known_pieces(text) == (text,)


def test_values_are_put_in_literally() -> None:
    values = {"a": r"{{b}} \{{a}} \1 \g<0> $1", "b": "{{a}}"}
    assert filled("{{a}}|{{b}}", **values) == rf"{values['a']}|{values['b']}"


def test_two_values_never_make_a_place_together() -> None:
    assert filled("{{a}}{{b}}{city}}", a="{", b="{") == "{{{city}}"


def test_every_text_and_address_of_a_project_can_have_variables() -> None:
    shot = Shot(
        "s",
        visual_description="{{x}}",
        narration="{{x}}",
        caption="{{x}}",
        image_uri="{{x}}",
        clip_uri="{{x}}",
        narration_audio_uri="{{x}}",
        words=(WordTiming("{{x}}", timedelta(0), timedelta(seconds=1)),),
        transition=Transition(mask_uri="{{x}}"),
        sounds=(SoundClip("{{x}}"),),
    )
    project = Project(
        title="{{x}}",
        script="{{x}}",
        language="{{x}}",
        shots=(shot,),
        music=Music("{{x}}"),
        watermark=Watermark("{{x}}"),
        intro_clip_uri="{{x}}",
        outro_clip_uri="{{x}}",
        title_card=Card("{{x}}", "{{x}}"),
        end_card=Card("{{x}}", "{{x}}"),
        captions=CaptionOptions(color="{{x}}", highlight_color="{{x}}", font="{{x}}"),
        brand_kit="{{x}}",
    )
    assert set(texts_of(project)) == {"{{x}}"}
    result = fill(project, {"x": "v"}).project
    assert set(texts_of(result)) == {"v"}
    assert len(texts_of(result)) == len(texts_of(project)) == 24


def test_what_is_missing_and_what_is_unused_is_named_each_with_the_place_that_uses_it() -> None:
    project = Project(title="{{city}} {{ year }}", shots=(Shot("a"), Shot("b", caption="{{year}} {{who}} {{who}}")))
    filling = fill(project, {"city": "Oslo", "whom": "x", "town": "y"})
    assert filling.project is None
    assert [(fault.field, fault.description) for fault in filling.faults] == [
        ("variables[year]", "must be given: project.title uses it"),
        ("variables[who]", "must be given: project.storyboard.shots[1].caption uses it"),
        ("variables[town]", "is used nowhere in the project"),
        ("variables[whom]", "is used nowhere in the project"),
    ]


def test_a_name_that_stands_in_plain_text_only_is_unused() -> None:
    (fault,) = fill(Project(title=r"\{{city}}"), {"city": "Oslo"}).faults
    assert fault.field == "variables[city]"


def test_many_places_with_long_values_do_not_fill_the_memory() -> None:
    most = MAX_ADDED // MAX_VALUE
    enough = fill(Project(script="{{a}}" * most), {"a": "x" * MAX_VALUE})
    assert enough.project is not None
    assert len(enough.project.script) == most * MAX_VALUE
    assert enough.faults == ()
    too_much = fill(Project(script="{{a}}" * 200_000), {"a": "x" * MAX_VALUE})
    assert too_much.project is None
    assert [fault.field for fault in too_much.faults] == ["variables"]


@pytest.mark.parametrize("text", ["\\" * 1_000_000, "{{" + " " * 1_000_000, "{" * 1_000_000, "{{ a " * 200_000])
def test_texts_made_to_take_long_do_not(text: str) -> None:
    began = time.process_time()
    assert filled("{{" + text) == "{{" + text
    assert time.process_time() - began < 2


@given(PROJECTS)
def test_a_project_without_places_is_the_same_afterwards(project: Project) -> None:
    if not any("{{" in text for text in texts_of(project)):
        filling = fill(project, {})
        assert filling.project is project


@given(TEXTS)
def test_the_known_pieces_are_what_is_left_with_empty_values(text: str) -> None:
    project = Project(script=text)
    lacking = [fault.field.removeprefix("variables[").rstrip("]") for fault in fill(project, {}).faults]
    assert (len(known_pieces(text)) > 1) == bool(lacking)
    result = fill(project, dict.fromkeys(lacking, "")).project
    assert result is not None
    assert result.script == "".join(known_pieces(text))


@given(st.lists(st.tuples(TEXTS.map(lambda text: text.replace("{", "").replace("\\", "")), NAMES, BLANKS), max_size=5))
def test_what_stands_between_places_is_kept_to_the_character(parts: list[tuple[str, str, str]]) -> None:
    template = "".join(f"{plain}{{{{{blanks}{name}{blanks}}}}}" for plain, name, blanks in parts)
    values = {name: f"<{name}{{{{{name}}}}}>" for _, name, _ in parts}
    assert filled(template, **values) == "".join(plain + values[name] for plain, name, _ in parts)


@given(TEXTS)
def test_any_text_can_be_written_so_that_it_comes_out_as_it_is(text: str) -> None:
    pattern = re.compile(r"(?<!\\)(\\*)(\{\{[ \t]*[A-Za-z_][A-Za-z0-9_]{0,62}[ \t]*\}\})")
    escaped = pattern.sub(lambda found: found[1] * 2 + "\\" + found[2], text)
    assert filled(escaped) == text


def test_names_are_as_the_contract_says() -> None:
    assert all(map(is_variable_name, ["a", "_", "City_2", "n" * 63]))
    assert not any(map(is_variable_name, ["", "2a", "a-b", "a b", "é", "n" * 64, "a\n", "{{a}}"]))


def test_unfilled_shots_are_kept_as_they_are() -> None:
    shots = (Shot("a", caption="{{x}}"), Shot("b", caption="plain"))
    result = fill(Project(shots=shots), {"x": "v"}).project
    assert result == Project(shots=(replace(shots[0], caption="v"), shots[1]))
