"""Transitions: every kind begins with the old shot, ends with the new one, and goes where it should."""

import numpy as np
import pytest

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.registry import EFFECTS, draw_transition
from render_service.compositor.frames.planes import Planes
from render_service.domain.projects.project import Direction, TransitionKind

_KINDS = [kind for kind in TransitionKind if kind is not TransitionKind.CUT]
_WIDTH, _HEIGHT = 320, 180
# Dark in the lower left corner, bright in the upper right one.
_MASK = np.add.outer(np.arange(127, -1, -1), np.arange(128)).astype(np.uint8)


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
    draw_transition(kind, Moment(done, old, new, target, direction=direction, mask=_MASK))
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


def test_there_are_two_dozen_and_every_kind_is_drawn() -> None:
    assert set(EFFECTS) == set(_KINDS)
    assert len(EFFECTS) >= 24


def _distance(one: Planes, other: Planes) -> float:
    """The mean difference of luma."""
    return float(np.abs(one.y.astype(np.float64) - other.y).mean())


def _gradient(reverse: bool) -> Planes:
    """A smooth picture, as photographs mostly are."""
    planes = _plain(0)
    x, y = np.meshgrid(np.linspace(0, 1, _WIDTH), np.linspace(0, 1, _HEIGHT))
    planes.y[:] = 40 + 150 * (np.hypot(x - 0.3, y - 0.4) if reverse else x * y)
    return planes


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("kind", _KINDS)
def test_a_transition_begins_and_ends_without_a_jump(kind: TransitionKind, direction: Direction) -> None:
    old, new = _gradient(reverse=False), _gradient(reverse=True)
    # The first and the last frame of half a second: a fade to white changes a dark picture by an eighth of the way.
    most = 219 / 8
    first, last = _drawn(kind, 1 / 16, old, new, direction), _drawn(kind, 15 / 16, old, new, direction)
    assert _distance(first, old) < most
    assert _distance(last, new) < most


@pytest.mark.parametrize("kind", _KINDS)
def test_no_two_transitions_look_alike_and_all_say_the_same_twice(kind: TransitionKind) -> None:
    old, new = _gradient(reverse=False), _gradient(reverse=True)
    mine = _drawn(kind, 0.35, old, new)
    again = _drawn(kind, 0.35, old, new)
    for one, other in zip(mine.all(), again.all(), strict=True):
        np.testing.assert_array_equal(one, other)
    for other_kind in _KINDS:
        if other_kind is not kind:
            assert _distance(mine, _drawn(other_kind, 0.35, old, new)) > 0.2, other_kind


@pytest.mark.parametrize(
    ("angle", "new_corner", "old_corner"),
    [(0, (90, 10), (90, 310)), (45, (5, 5), (175, 315)), (135, (5, 315), (175, 5)), (270, (170, 160), (10, 160))],
)
def test_a_wipe_moves_at_any_angle(angle: float, new_corner: tuple[int, int], old_corner: tuple[int, int]) -> None:
    target = Planes.empty(_WIDTH, _HEIGHT)
    draw_transition(TransitionKind.WIPE, Moment(0.5, _plain(50), _plain(200), target, angle=angle))
    assert int(target.y[new_corner]) == 200
    assert int(target.y[old_corner]) == 50


@pytest.mark.parametrize("kind", [TransitionKind.WIPE, TransitionKind.CIRCLE, TransitionKind.STAR, TransitionKind.INK])
def test_softness_widens_the_edge(kind: TransitionKind) -> None:
    mixed = []
    for softness in (0.0, 0.2, 0.8):
        target = Planes.empty(_WIDTH, _HEIGHT)
        draw_transition(kind, Moment(0.5, _plain(50), _plain(200), target, softness=softness))
        mixed.append(int(((target.y > 55) & (target.y < 195)).sum()))
    assert mixed == sorted(mixed)
    assert mixed[0] < mixed[1] / 2


def test_a_luma_wipe_begins_where_its_picture_is_dark() -> None:
    target = _drawn(TransitionKind.LUMA, 0.5, _plain(50), _plain(200))
    assert int(target.y[170, 10]) == 200
    assert int(target.y[10, 310]) == 50
