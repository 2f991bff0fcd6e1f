"""What a transition is given to draw one frame, and what all of them share."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.frames.planes import Plane, Planes
from render_service.domain.projects.project import Direction


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame of a transition.

    Args:
        done: How much of the transition's time is over, 0 (only the old shot) to 1 (only the new one).
        old: The outgoing shot.
        new: The incoming shot.
        target: Where to draw; all three have the same size, and no planes in common.
        direction: Where the transition moves to.
        softness: Width of a soft edge, 0–1 of the way; None is the transition's own.
        angle: Where a wipe moves to, in degrees clockwise from the right; None is `direction`.
        mask: The picture of LUMA, 0–255, of any size; None for other transitions.
    """

    done: float
    old: Planes
    new: Planes
    target: Planes
    direction: Direction = Direction.LEFT
    softness: float | None = None
    angle: float | None = None
    mask: Plane | None = None

    def planes(self) -> list[tuple[Plane, Plane, Plane]]:
        """Return luma and both chroma planes: of the old shot, of the new one, and of the frame to draw."""
        return list(zip(self.old.all(), self.new.all(), self.target.all(), strict=True))

    @property
    def is_upright(self) -> bool:
        """Whether it moves up or down."""
        return self.direction in (Direction.UP, Direction.DOWN)

    @property
    def sign(self) -> int:
        """Along x or y, the sign of the direction: −1 to the left or up, 1 to the right or down."""
        return 1 if self.direction in (Direction.RIGHT, Direction.DOWN) else -1


Effect = Callable[[Moment], None]
"""Draws one frame of a transition, with `done` between 0 and 1 exclusive."""


def smooth(part: float) -> float:
    """Ease in and out: 0–1 to 0–1."""
    return part * part * (3 - 2 * part)


def between(part: float, first: float, last: float) -> float:
    """Return how far a part 0–1 is from `first` to `last`, eased, 0–1."""
    return smooth(min(1.0, max(0.0, (part - first) / (last - first))))


def mix(one: Plane, other: Plane, share: float, target: Plane) -> None:
    """Draw a weighted sum of two planes, with a share 0–1 of the other."""
    target[:] = cv2.addWeighted(one, 1 - share, other, share, 0)


def towards(plane: Plane, value: float, weights: NDArray[np.float32]) -> Plane:
    """Return a plane moved towards a value by weights 0–1 of its shape."""
    moved = plane + (np.float32(value) - plane) * weights
    return np.asarray(np.rint(moved), np.uint8)


def oriented(planes: Planes, direction: Direction) -> tuple[Plane, ...]:
    """Return views of the planes turned so that the movement runs to the left along their rows."""
    if direction is Direction.RIGHT:
        return tuple(plane[:, ::-1] for plane in planes.all())
    if direction is Direction.UP:
        return tuple(plane.T for plane in planes.all())
    if direction is Direction.DOWN:
        return tuple(plane[::-1].T for plane in planes.all())
    return planes.all()
