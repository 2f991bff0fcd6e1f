"""How a layer or a part of it stands in a frame: where, how large, how visible. Pure functions of its number."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from render_service.compositor.layers.texts import TextParts
from render_service.compositor.segments.layers import LayerSpan
from render_service.domain.layers.changing import keyed_value
from render_service.domain.layers.easing import parse_easing
from render_service.domain.layers.model import (
    Animation,
    AnimationDirection,
    AnimationKind,
    AnimationUnit,
    Layer,
)

# The share of the animation's time that each of several parts takes.
_PART = 0.45
_AWAY = 0.5  # How far a part slides, as a share of its height.
_SMALL = 0.5  # The size from which a zoom grows.
BLURRED = 0.04
"""How far the edge of a blurred layer reaches out, as a part of the frame's shorter side."""
_DIRECTIONS = {
    AnimationDirection.LEFT: (-1, 0),
    AnimationDirection.RIGHT: (1, 0),
    AnimationDirection.UP: (0, -1),
    AnimationDirection.DOWN: (0, 1),
}


@dataclass(frozen=True, slots=True)
class Pose:
    """How a drawing stands.

    Args:
        x: How far it is moved to the right, in pixels.
        y: How far it is moved down.
        scale: Its size around its middle, ≥ 0.
        rotation: Degrees clockwise around its middle.
        opacity: 0–1.
        blur: Standard deviation of its blur, in pixels.
        shown: Left, top, right and bottom of what is uncovered of it, as parts 0–1 of its sides.
    """

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    rotation: float = 0.0
    opacity: float = 1.0
    blur: float = 0.0
    shown: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


STILL = Pose()


def most_scale(layer: Layer) -> float:
    """Return the largest scale that keyframes give a layer, at least 1."""
    return max((1.0, *(keyframe.scale for keyframe in layer.keyframes if keyframe.scale is not None)))


def keyed_pose(layer: Layer, seconds: float, frame: tuple[int, int], anchor: tuple[float, float]) -> Pose:
    """Return how keyframes place a whole layer, beside the place of its box.

    Args:
        layer: The layer.
        seconds: Time since its start.
        frame: Width and height of the frame in pixels.
        anchor: Where the anchor of its box lies without keyframes, in pixels.
    """
    own = {
        "x": anchor[0] / frame[0],
        "y": anchor[1] / frame[1],
        "scale": 1.0,
        "rotation": layer.box.rotation,
        "opacity": layer.opacity,
    }
    now = {name: keyed_value(layer.keyframes, name, value, seconds) for name, value in own.items()}
    return Pose(
        now["x"] * frame[0] - anchor[0],
        now["y"] * frame[1] - anchor[1],
        max(0.0, now["scale"]),
        now["rotation"],
        min(max(now["opacity"], 0.0), 1.0),
    )


def progress_of(drawn: LayerSpan, number: int) -> tuple[Animation, float, bool] | None:
    """Return the animation that runs in a frame of a stretch; None for none.

    Returns:
        The animation, how much of the layer is there (0 nothing, 1 all), and whether it goes.
    """
    passed, left = number - drawn.start, drawn.end - number
    if drawn.layer.enter and passed < drawn.enter:
        return drawn.layer.enter, (passed + 1) / (drawn.enter + 1), False
    if drawn.layer.exit and left <= drawn.exit:
        return drawn.layer.exit, left / (drawn.exit + 1), True
    return None


def part_pose(
    animation: Animation,
    progress: float,
    place: tuple[int, int],
    size: tuple[int, int, int, int],
    frame: tuple[int, int],
    *,
    goes: bool,
) -> Pose | None:
    """Return how an animation places a part of a layer; None where it is not seen.

    Args:
        animation: The animation.
        progress: How much of the layer is there, 0–1, before the easing.
        place: The number of the part, from 0, and how many there are.
        size: Left, top, right and bottom of the part in the frame, in pixels.
        frame: Width and height of the frame in pixels.
        goes: Whether the layer goes.
    """
    number, count = place
    if animation.kind is AnimationKind.TYPE:
        return STILL if progress * (count + 1) >= number + 1 else None
    if count > 1:
        progress = (progress - number / (count - 1) * (1 - _PART)) / _PART
    if not 0 < progress < 1:
        return STILL if progress > 0 else None
    done = _eased(animation, progress, goes=goes)
    if animation.kind is AnimationKind.SLIDE:
        return _slid(animation, done, size, frame)
    visible = min(max(done, 0.0), 1.0)
    poses = {
        AnimationKind.FADE: replace(STILL, opacity=visible),
        AnimationKind.ZOOM: replace(STILL, scale=max(0.0, _SMALL + (1 - _SMALL) * done), opacity=visible),
        AnimationKind.POP: replace(STILL, scale=max(0.0, done), opacity=min(max(3 * done, 0.0), 1.0)),
        AnimationKind.WIPE: replace(STILL, shown=_uncovered(animation.direction, visible)),
        AnimationKind.BLUR: replace(STILL, blur=(1 - visible) * BLURRED / 2 * min(frame), opacity=visible),
    }
    return poses[animation.kind]


def _eased(animation: Animation, progress: float, *, goes: bool) -> float:
    default = "spring(0.5)" if animation.kind is AnimationKind.POP else "ease-in" if goes else "ease-out"
    ease = parse_easing(animation.easing or default)
    # Where it goes, the easing runs over what is gone.
    return 1 - ease(1 - progress) if goes and animation.kind is not AnimationKind.POP else ease(progress)


def _slid(animation: Animation, done: float, size: tuple[int, int, int, int], frame: tuple[int, int]) -> Pose:
    across, down = _DIRECTIONS[animation.direction or AnimationDirection.UP]
    left, top, right, bottom = size
    if animation.unit is not AnimationUnit.WHOLE:
        away = _AWAY * (bottom - top) * (1 - done)
        return replace(STILL, x=-across * away, y=-down * away, opacity=min(max(done, 0.0), 1.0))
    # As far as it takes to leave the frame on the side that it comes from.
    away_x = {1: right, -1: frame[0] - left}.get(across, 0)
    away_y = {1: bottom, -1: frame[1] - top}.get(down, 0)
    return replace(STILL, x=-across * (1 - done) * away_x, y=-down * (1 - done) * away_y)


def _uncovered(direction: AnimationDirection | None, share: float) -> tuple[float, float, float, float]:
    edges = {
        AnimationDirection.LEFT: (1 - share, 0.0, 1.0, 1.0),
        AnimationDirection.UP: (0.0, 1 - share, 1.0, 1.0),
        AnimationDirection.DOWN: (0.0, 0.0, 1.0, share),
    }
    return edges.get(direction or AnimationDirection.RIGHT, (0.0, 0.0, share, 1.0))


def part_areas(
    parts: TextParts | None, unit: AnimationUnit, width: int, height: int
) -> list[tuple[int, int, int, int]]:
    """Cut a drawing into the parts of an animation: left, top, right and bottom of each, in the order of reading.

    Together they are the whole drawing; edges lie on even pixels.
    """
    if parts is None or unit is AnimationUnit.WHOLE or not parts.letters:
        return [(0, 0, width, height)]
    tops = [_even(edge) for edge in parts.edges]
    tops[-1] = height
    if unit is AnimationUnit.LINE:
        return [(0, top, width, bottom) for top, bottom in pairwise(tops)]
    spans: dict[tuple[int, int], tuple[float, float]] = {}
    for number, letter in enumerate(parts.letters):
        key = (letter.line, letter.word if unit is AnimationUnit.WORD else number)
        left, right = spans.get(key, (letter.left, letter.right))
        spans[key] = (min(left, letter.left), max(right, letter.right))
    cut = dict(_cut(spans, width))
    return [(cut[key][0], tops[key[0]], cut[key][1], tops[key[0] + 1]) for key in spans]


def _cut(
    spans: dict[tuple[int, int], tuple[float, float]], width: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Give every part of a line what lies between it and half the way to its neighbours."""
    for line in {line for line, _ in spans}:
        keys = sorted((key for key in spans if key[0] == line), key=lambda key: spans[key])
        # Joined letters may be measured as if they overlapped; a letter may then be part of its neighbour.
        edges = list(accumulate((_even((spans[a][1] + spans[b][0]) / 2) for a, b in pairwise(keys)), max))
        yield from zip(keys, zip((0, *edges), (*edges, width), strict=True), strict=True)


def _even(value: float) -> int:
    return round(value / 2) * 2
