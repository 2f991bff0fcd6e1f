"""The page of options: every picture is there, its option is valid, and no value of the usual enums is left out."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from render_service.domain.faults import Faults
from render_service.domain.layers.model import (
    Anchor,
    AnimationDirection,
    AnimationKind,
    AnimationUnit,
    Blend,
    BoxFit,
    GradientKind,
    ShapeKind,
    TextAlign,
)
from render_service.domain.projects.looks.captions import CaptionPosition, Platform
from render_service.domain.projects.project import CaptionStyle, Corner, Fit, ProjectMode
from render_service.domain.projects.validation import check_project
from render_service.server.mapping.project import project_from_proto
from scripts.pictures.options import BASES, FOLDER, PAGE, Option, options

TEXT = PAGE.read_text(encoding="utf-8")
OPTIONS = tuple(options(TEXT))
# Left out where it is what one sees without the option.
ENUMS: tuple[tuple[str, type[StrEnum], str], ...] = (
    ("Mode", ProjectMode, ""),
    ("Fit", Fit, ""),
    ("Captions", CaptionStyle, ""),
    ("Captions", CaptionPosition, ""),
    ("Captions", Platform, "tiktok reels shorts"),
    ("Captions in a portrait", Platform, "youtube"),
    ("Watermark", Corner, ""),
    ("Text", TextAlign, ""),
    ("Place", Anchor, ""),
    ("Place", BoxFit, ""),
    ("Shape layers", ShapeKind, ""),
    ("Shape layers", GradientKind, "linear"),
    ("Look", Blend, ""),
    ("Coming and going", AnimationKind, ""),
    ("Coming and going", AnimationUnit, ""),
    ("Coming and going", AnimationDirection, ""),
)


def test_every_row_of_the_page_is_read() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    assert len(rows) == len(OPTIONS) > 100
    assert {option.heading for option in OPTIONS} == set(BASES)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_is_valid_where_it_stands(option: Option, tmp_path: Path) -> None:
    faults = Faults()
    project = project_from_proto(option.project(tmp_path), "project", faults)
    faults.raise_if_any()
    assert check_project(project, "project", lambda uri: None, for_render=True) == []


def test_every_option_has_a_picture_of_its_own_and_no_other_is_left() -> None:
    names = [option.name for option in OPTIONS]
    assert len(set(names)) == len(names)
    assert {file.stem for file in FOLDER.iterdir()} == set(names), "run python -m scripts.pictures.options"


@pytest.mark.parametrize(("heading", "values", "without"), ENUMS, ids=lambda value: getattr(value, "__name__", value))
def test_every_value_is_shown(heading: str, values: type[StrEnum], without: str) -> None:
    shown = {word for option in OPTIONS if option.heading == heading for word in re.findall(r"\w+", option.text)}
    assert {value.value for value in values} - set(without.split()) <= shown
