"""The samples for every shape: valid, complete, and shown in the gallery as they are made for."""

from pathlib import Path

import pytest
from render_client import load_project

from render_service.domain.faults import Faults
from render_service.domain.projects.validation import check_project
from render_service.server.mapping.project import project_from_proto
from scripts.gallery.storyboards import FOLDER, Storyboard, storyboards

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/gallery.md").read_text(encoding="utf-8")
STORYBOARDS = tuple(storyboards())
PATHS = sorted({one.path for one in STORYBOARDS})


def test_the_samples_are_twelve_and_five_of_them_suit_landscape_and_portrait() -> None:
    assert len(PATHS) == 12
    shapes: dict[str, set[str]] = {}
    for one in STORYBOARDS:
        shapes.setdefault(one.name, set()).add(one.shape)
    both = {name for name, each in shapes.items() if {"16x9", "9x16"} <= each}
    assert both == {"news", "product", "course", "quote", "recipe"}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_sample_is_a_valid_project_whose_files_exist(path: Path) -> None:
    message = load_project(path)
    faults = Faults()
    project = project_from_proto(message, "project", faults)
    faults.raise_if_any()
    assert check_project(project, "project", lambda uri: None, for_render=True) == []
    layers = [*project.layers, *(layer for shot in project.shots for layer in shot.layers)]
    uris = [shot.image_uri for shot in project.shots]
    uris += [layer.picture.uri for layer in layers if layer.picture is not None]
    files = [Path(uri.removeprefix("file://")) for uri in uris if uri]
    assert files
    assert all(file.is_file() and file.is_relative_to(ROOT / "samples") for file in files)


@pytest.mark.parametrize("one", STORYBOARDS, ids=lambda one: one.file_name)
def test_every_shape_of_a_sample_has_its_sheet_in_the_gallery(one: Storyboard) -> None:
    assert (FOLDER / f"{one.file_name}.jpg").is_file(), "run python -m scripts.gallery.storyboards"
    assert f"../images/storyboards/{one.file_name}.jpg" in PAGE


def test_no_sheet_is_left_of_a_sample_that_is_gone() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {one.file_name for one in STORYBOARDS}
