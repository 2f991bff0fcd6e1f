"""Transitions: every kind begins with the old shot, ends with the new one, and goes where it should."""

import numpy as np
import pytest

from render_service.compositor.drawing.transitions import draw_transition
from render_service.compositor.frames.planes import Planes
from render_service.domain.projects.project import Direction, TransitionKind

_KINDS = [kind for kind in TransitionKind if kind is not TransitionKind.CUT]
_WIDTH, _HEIGHT = 320, 180


def _textured(seed: int) -> Planes:
    random = np.random.default_rng(seed)
    planes = Planes.empty(_WIDTH, _HEIGHT)
    for plane in planes.all():
        plane[:] = random.integers(20, 230, plane.shape, dtype=np.uint8)
    return planes


def _plain(luma: int) -> Planes:
    planes = Planes.empty(_WIDTH, _HEIGHT)
    planes.fill((luma, 128, 128))
    return planes


def _drawn(
    kind: TransitionKind, done: float, old: Planes, new: Planes, direction: Direction = Direction.LEFT
) -> Planes:
    target = Planes.empty(_WIDTH, _HEIGHT)
    draw_transition(kind, direction, done, old=old, new=new, target=target)
    return target


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("kind", _KINDS)
def test_a_transition_leads_from_the_old_shot_to_the_new_one(kind: TransitionKind, direction: Direction) -> None:
    old, new = _textured(1), _textured(2)
    for done, expected in ((0.0, old), (1.0, new)):
        target = _drawn(kind, done, old, new, direction)
        for drawn, wanted in zip(target.all(), expected.all(), strict=True):
            np.testing.assert_array_equal(drawn, wanted)


@pytest.mark.parametrize("kind", [TransitionKind.WIPE, TransitionKind.SLIDE, TransitionKind.PUSH])
@pytest.mark.parametrize(
    ("direction", "new_corner", "old_corner"),
    [
        (Direction.LEFT, (90, 310), (90, 10)),
        (Direction.RIGHT, (90, 10), (90, 310)),
        (Direction.UP, (170, 160), (10, 160)),
        (Direction.DOWN, (10, 160), (170, 160)),
    ],
)
def test_the_new_shot_comes_in_from_the_side_it_moves_away_from(
    kind: TransitionKind, direction: Direction, new_corner: tuple[int, int], old_corner: tuple[int, int]
) -> None:
    target = _drawn(kind, 0.5, _plain(50), _plain(200), direction)
    assert int(target.y[new_corner]) == 200
    assert int(target.y[old_corner]) == 50


def test_a_push_moves_both_shots_and_a_slide_only_the_new_one() -> None:
    old, new = _textured(1), _textured(2)
    pushed = _drawn(TransitionKind.PUSH, 0.5, old, new)
    slid = _drawn(TransitionKind.SLIDE, 0.5, old, new)
    half = _WIDTH // 2
    np.testing.assert_array_equal(pushed.y[:, :half], old.y[:, half:])
    np.testing.assert_array_equal(slid.y[:, :half], old.y[:, :half])
    np.testing.assert_array_equal(pushed.y[:, half:], new.y[:, :half])
    np.testing.assert_array_equal(slid.y[:, half:], new.y[:, :half])


def test_a_cross_fade_is_the_weighted_sum() -> None:
    assert int(_drawn(TransitionKind.CROSS_FADE, 0.25, _plain(40), _plain(200)).y[5, 5]) == 80


@pytest.mark.parametrize(("kind", "luma"), [(TransitionKind.FADE_BLACK, 16), (TransitionKind.FADE_WHITE, 235)])
def test_a_fade_through_a_colour_shows_only_that_colour_in_the_middle(kind: TransitionKind, luma: int) -> None:
    target = _drawn(kind, 0.5, _textured(1), _textured(2))
    assert int(target.y.min()) == int(target.y.max()) == luma
    assert int(target.u.min()) == int(target.u.max()) == 128


def test_a_circle_opens_in_the_middle() -> None:
    target = _drawn(TransitionKind.CIRCLE, 0.5, _plain(50), _plain(200))
    assert int(target.y[90, 160]) == 200
    assert int(target.y[0, 0]) == 50
