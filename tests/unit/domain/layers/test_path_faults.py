"""Faults of paths: found in time that grows with their length, and always as a description."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render_service.domain.layers.model import Layer, ShapeKind, ShapeLayer
from render_service.domain.layers.path_data import MAX_PATH, parse_path, path_fault
from render_service.domain.layers.validation import MAX_ALL_PATHS
from render_service.domain.projects.project import Project, Shot
from render_service.domain.projects.validation import check_project

_NUMBERS = st.sampled_from(
    ["0", "1", "-7.5", "1e6", "-1e6", "1e-9", "1e-99", "." + "0" * 102 + "1e-99", "1e99", "9" * 400, ".", "1."]
)
_TEXTS = st.lists(st.sampled_from("MmLlHhVvCcSsQqTtAaZz") | _NUMBERS | st.sampled_from([" ", ",", " ,", "\u00a0", "x"]))
_COUNTS = {"L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}


@st.composite
def _paths(draw: st.DrawFn) -> str:
    """Return a path with the right count of numbers for each command, of any size."""
    path = "M0 0"
    for command in draw(st.lists(st.sampled_from("LHVCSQTAZ"), max_size=6)):
        numbers = [draw(_NUMBERS) for _ in range(_COUNTS[command])]
        if command == "A":
            numbers[3:5] = draw(st.sampled_from("01")), draw(st.sampled_from("01"))
        path += (command.lower() if draw(st.booleans()) else command) + " ".join(numbers)
    return path


@given(_paths() | _TEXTS.map(lambda parts: " ".join(["M 0 0", *parts])) | st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_path_is_either_drawn_or_described_as_wrong(path: str) -> None:
    if path_fault(path) is None:
        parse_path(path)


@pytest.mark.parametrize("number", ["0." + "0" * 102 + "1e-99", "1e-99", "1e-10"])
@pytest.mark.parametrize("arc", ["A {} 1 0 0 0 10 0", "A 1 {} 0 0 0 10 0", "A 1 1 0 0 0 {} 0"])
def test_an_arc_too_small_to_draw_is_a_straight_line(arc: str, number: str) -> None:
    path = f"M0 0 {arc.format(number)} L 5 5"
    assert path_fault(path) is None
    assert len(parse_path(path)[0].points) == 3


@pytest.mark.parametrize("filling", [" ", "\t", " 1", "1", "T1 1", "L ,", ",", "Z"])
@pytest.mark.parametrize("end", ["x", ""])
def test_checking_a_path_takes_time_in_proportion_to_its_length(filling: str, end: str) -> None:
    def took(length: int) -> float:
        path = "M0 0" + filling * ((length - 5) // len(filling)) + end
        started = time.thread_time()
        path_fault(path)
        return time.thread_time() - started

    short = min(took(MAX_PATH // 10) for _ in range(5))
    long = min(took(MAX_PATH) for _ in range(3))
    # Proportional is 10, quadratic 100; the addend covers the clock's steps.
    assert long < 40 * short + 0.005


def test_a_curve_is_checked_without_computing_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render_service.domain.layers.path_data._bezier", pytest.fail)
    assert path_fault("M0 0" + "T1 1" * 1_999) is None


def test_the_paths_of_a_project_are_bounded_together() -> None:
    path = "M0 0 L9 9" + " 1 1" * 1_990
    layer = Layer("a", shape=ShapeLayer(ShapeKind.PATH, path=path, color="#FFFFFF"))
    fitting, beyond = MAX_ALL_PATHS // len(path), MAX_ALL_PATHS // len(path) + 1

    def faults(count: int) -> list[str]:
        shots = tuple(replace(Shot(f"s-{number}"), layers=(layer,)) for number in range(count))
        found = check_project(Project(shots=shots), "project", lambda _: None, for_render=False)
        return [f"{fault.field}: {fault.description}" for fault in found]

    assert faults(fitting) == []
    said = f"must have at most {MAX_ALL_PATHS:,} characters in all paths of the project"
    assert faults(beyond) == [f"project.storyboard.shots[{fitting}].layers[0].shape.path: {said}"]
