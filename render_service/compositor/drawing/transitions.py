"""Draws transitions from one shot to the next, plane by plane."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.frames.planes import BLACK, WHITE, Plane, Planes
from render_service.domain.projects.project import Direction, TransitionKind

# Width of the soft edge of wipes and circles, as a part of the frame's longer side.
_SOFTNESS = 0.06


def draw_transition(
    kind: TransitionKind, direction: Direction, done: float, *, old: Planes, new: Planes, target: Planes
) -> None:
    """Draw one frame of a transition.

    Args:
        kind: Which transition; a cut shows the new shot.
        direction: Where wipes, slides and pushes move to.
        done: How much of the transition's time is over, 0 (only the old shot) to 1 (only the new one).
        old: The outgoing shot.
        new: The incoming shot.
        target: Where to draw; all three have the same size, and no planes in common.
    """
    if kind is TransitionKind.CROSS_FADE:
        for one, other, drawn in zip(old.all(), new.all(), target.all(), strict=True):
            cv2.addWeighted(one, 1 - done, other, done, 0, dst=drawn)
    elif kind in (TransitionKind.FADE_BLACK, TransitionKind.FADE_WHITE):
        colour = BLACK if kind is TransitionKind.FADE_BLACK else WHITE
        _fade(old if done < 0.5 else new, abs(2 * done - 1), colour, target)
    elif kind is TransitionKind.SLIDE:
        _shift(old, new, _smooth(done), direction, target, old_moves=False)
    elif kind is TransitionKind.PUSH:
        _shift(old, new, _smooth(done), direction, target, old_moves=True)
    elif kind is TransitionKind.WIPE:
        _wipe(old, new, _smooth(done), direction, target)
    elif kind is TransitionKind.CIRCLE:
        _circle(old, new, _smooth(done), target)
    else:
        target.copy_from(new)


def _smooth(moment: float) -> float:
    return moment * moment * (3 - 2 * moment)


def _fade(source: Planes, share: float, colour: tuple[int, int, int], target: Planes) -> None:
    for plane, value, drawn in zip(source.all(), colour, target.all(), strict=True):
        cv2.addWeighted(plane, share, plane, 0, value * (1 - share), dst=drawn)


def _oriented(planes: Planes, direction: Direction) -> tuple[Plane, ...]:
    """Return views of the planes turned so that the movement runs to the left along their rows."""
    if direction is Direction.RIGHT:
        return tuple(plane[:, ::-1] for plane in planes.all())
    if direction is Direction.UP:
        return tuple(plane.T for plane in planes.all())
    if direction is Direction.DOWN:
        return tuple(plane[::-1].T for plane in planes.all())
    return planes.all()


def _shift(old: Planes, new: Planes, done: float, direction: Direction, target: Planes, *, old_moves: bool) -> None:
    olds, news, drawn = (_oriented(planes, direction) for planes in (old, new, target))
    chroma_edge = round(drawn[1].shape[1] * (1 - done))
    for before, after, to, edge in zip(olds, news, drawn, (2 * chroma_edge, chroma_edge, chroma_edge), strict=True):
        side = to.shape[1]
        to[:, :edge] = before[:, side - edge :] if old_moves else before[:, :edge]
        to[:, edge:] = after[:, : side - edge]


def _wipe(old: Planes, new: Planes, done: float, direction: Direction, target: Planes) -> None:
    olds, news, drawn = (_oriented(planes, direction) for planes in (old, new, target))
    for before, after, to in zip(olds, news, drawn, strict=True):
        side = to.shape[1]
        soft = max(1.0, _SOFTNESS * side)
        # The soft edge starts fully outside the frame and leaves it fully.
        first = (side + soft) * (1 - done) - soft
        start, end = (min(max(int(edge), 0), side) for edge in (first, first + soft + 1))
        to[:, :start] = before[:, :start]
        to[:, end:] = after[:, end:]
        if end > start:
            weights = np.clip((np.arange(start, end, dtype=np.float32) + 0.5 - first) / soft, 0, 1)
            mixed = before[:, start:end] + (after[:, start:end].astype(np.float32) - before[:, start:end]) * weights
            to[:, start:end] = np.rint(mixed).astype(np.uint8)


@lru_cache(maxsize=4)
def _distances(width: int, height: int) -> NDArray[np.float32]:
    """Return every pixel's distance from the middle, in half diagonals."""
    x = np.arange(width, dtype=np.float32) + 0.5 - width / 2
    y = np.arange(height, dtype=np.float32) + 0.5 - height / 2
    away: NDArray[np.float32] = np.hypot(x[None, :], y[:, None]) / np.float32(np.hypot(width, height) / 2)
    return away


def _circle(old: Planes, new: Planes, done: float, target: Planes) -> None:
    radius = (1 + _SOFTNESS) * done
    for before, after, to in zip(old.all(), new.all(), target.all(), strict=True):
        height, width = to.shape
        share = np.clip((radius - _distances(width, height)) / np.float32(_SOFTNESS), 0, 1)
        to[:] = cv2.blendLinear(np.ascontiguousarray(before), np.ascontiguousarray(after), 1 - share, share)
