"""Numbers that count and outlines that are drawn bit by bit: by time alone, and still once they are done."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from render_service.compositor.segments.layers import drawn_layers, seen_layers
from render_service.domain.layers.changing import content_at, number_at, settled
from render_service.domain.layers.model import (
    Box,
    Counter,
    Keyframe,
    Layer,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    Trim,
)
from render_service.domain.layers.numbers import written
from tests.unit.compositor.layers.scenes import FPS, drawn

SECOND = timedelta(seconds=1)
COUNTER = Layer("n", text=TextLayer("{number} %", counter=Counter(0, 80, duration=SECOND)))
GROWN = (Keyframe(timedelta(0), trim_end=0.0), Keyframe(SECOND, trim_end=1.0, easing="linear"))
LINE = Layer("l", shape=ShapeLayer(ShapeKind.LINE), stroke=Stroke("#FF0000", 0.2), box=Box(width=1.0, height=0.2))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("", "1,234,567.5"),
        ("de", "1.234.567,5"),
        ("de-CH", "1’234’567.5"),
        ("fr", "1\u00a0234\u00a0567,5"),
        ("hi", "12,34,567.5"),
        ("ar", "١٬٢٣٤٬٥٦٧٫٥"),
        ("ar-MA", "1.234.567,5"),
        ("fa", "۱٬۲۳۴٬۵۶۷٫۵"),
        ("mr", "१२,३४,५६७.५"),
        ("zh-Hant", "1,234,567.5"),
        ("th", "1,234,567.5"),
    ],
)
def test_numbers_are_written_as_their_language_does(language: str, expected: str) -> None:
    assert written(1234567.5, 1, language) == expected


def test_numbers_are_signed_and_rounded() -> None:
    assert written(-1234, 0, "es") == "\u22121234"
    assert written(-12345, 0, "es") == "\u221212.345"
    assert written(-0.04, 1, "en") == "0.0"
    assert written(999.96, 1, "en") == "1,000.0"


def test_a_counter_counts_to_its_end_and_stays() -> None:
    counter = Counter(10, 20, duration=2 * SECOND, easing="linear")
    assert [number_at(counter, seconds) for seconds in (-1, 0, 1, 2, 9)] == pytest.approx(
        [10, 10, 15, 20, 20], rel=1e-6
    )


def test_a_counter_is_drawn_as_the_text_of_its_time() -> None:
    stands = replace(COUNTER, text=TextLayer("80 %"))
    for frame in (FPS, FPS + 20):
        assert np.array_equal(drawn([COUNTER], frame=frame).y, drawn([stands]).y)
    half = content_at(COUNTER, 0.5, "")
    assert half.text
    assert half.text.text not in ("0 %", "80 %")
    assert np.array_equal(drawn([COUNTER], frame=FPS // 2).y, drawn([half]).y)


def test_letters_keep_their_size_while_a_counter_counts() -> None:
    narrow = Box(width=0.3, height=0.3)
    counts = replace(COUNTER, text=TextLayer("{number}", counter=Counter(0, 9_000_000, duration=SECOND)), box=narrow)
    first, last = (ink(drawn([counts], frame=frame).y) for frame in (0, 2 * FPS))
    assert np.flatnonzero(first.any(axis=1)).size == pytest.approx(np.flatnonzero(last.any(axis=1)).size, abs=3)


def ink(luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return luma > 225


@pytest.mark.parametrize(
    ("kind", "path"),
    [(ShapeKind.LINE, ""), (ShapeKind.PATH, "M 0 50 L 100 50"), (ShapeKind.RECTANGLE, ""), (ShapeKind.ELLIPSE, "")],
)
def test_a_stroke_follows_the_part_of_its_outline(kind: ShapeKind, path: str) -> None:
    layer = replace(LINE, shape=ShapeLayer(kind, path=path), box=Box(width=0.6, height=0.6), stroke=Stroke("#FF0000"))
    under = drawn([]).v.astype(int)

    def covered(trim: Trim | None) -> int:
        assert layer.shape
        moved = drawn([replace(layer, shape=replace(layer.shape, trim=trim))]).v.astype(int) - under
        return int(moved[moved > 0].sum())

    whole = covered(None)
    assert covered(Trim()) == whole
    assert covered(Trim(0.5, 0.5)) == 0
    assert covered(Trim(0.2, 0.7)) == pytest.approx(whole / 2, rel=0.16)


def test_an_ellipse_is_drawn_clockwise_from_its_top() -> None:
    ring = replace(LINE, shape=ShapeLayer(ShapeKind.ELLIPSE, trim=Trim(0, 0.25)), box=Box(height=0.6, width=0.3375))
    changed = drawn([ring]).v.astype(int) != drawn([]).v
    rows, columns = np.nonzero(changed)
    assert columns.min() >= 47
    assert rows.max() <= 28


def test_keyframes_draw_a_line_and_leave_it() -> None:
    layer = replace(LINE, keyframes=GROWN)
    widths = [int((drawn([layer], frame=frame).v > 200).any(axis=0).sum()) for frame in (0, 15, 30, 60)]
    assert widths[0] == 0
    assert widths[1] == pytest.approx(48, abs=2)
    assert widths[2:] == [96, 96]


def test_what_changes_is_drawn_from_its_start_on() -> None:
    layer = replace(LINE, keyframes=GROWN, start=SECOND)
    widths = [int((drawn([layer], frame=frame).v > 200).any(axis=0).sum()) for frame in (0, 29, 45)]
    assert widths[:2] == [0, 0]
    assert widths[2] == pytest.approx(48, abs=2)


@pytest.mark.parametrize("layer", [COUNTER, replace(LINE, keyframes=GROWN)])
def test_once_it_is_done_a_slice_holds_what_stands(layer: Layer) -> None:
    whole = drawn_layers([layer], 120, FPS, {}, "de")
    (later,) = seen_layers(whole, 60, 60, FPS)
    assert later.layer == settled(replace(layer, id=""), "de")
    (earlier,) = seen_layers(whole, 15, 15, FPS)
    assert earlier.layer != later.layer
    assert earlier.start == -15
