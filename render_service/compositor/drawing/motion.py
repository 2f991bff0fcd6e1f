"""Camera movements: which part of a picture is seen at which moment."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render_service.domain.projects.looks.views import PictureView
from render_service.domain.projects.project import Easing, Motion, MotionKind


@dataclass(frozen=True, slots=True)
class View:
    """The rectangle of a picture that fills the frame, in units of the picture's pixels; fractions are meant."""

    left: float
    top: float
    width: float
    height: float


_EASINGS: dict[Easing, Callable[[float], float]] = {
    Easing.LINEAR: lambda t: t,
    Easing.EASE_IN: lambda t: t * t,
    Easing.EASE_OUT: lambda t: t * (2 - t),
    Easing.EASE_IN_OUT: lambda t: t * t * (3 - 2 * t),
}

# Factors of view movement along x and y: a pan to the left moves the view to the left.
_PANS = {
    MotionKind.PAN_LEFT: (-1, 0),
    MotionKind.PAN_RIGHT: (1, 0),
    MotionKind.PAN_UP: (0, -1),
    MotionKind.PAN_DOWN: (0, 1),
}


# Of DRIFT: the zoom goes so many times `amount` in and out in a period, and the view wanders in two, in seconds.
# No two have a common multiple near: a long narration never sees the same movement twice.
_DRIFT_ZOOM, _DRIFT_PERIOD, _WANDERINGS = 1.5, 19.0, (29.0, 23.0)
# Of HANDHELD: the margin as a part of `amount`, and the sway along x and y as sums of periods in seconds and shares.
_HAND_MARGIN = 0.6
_SWAYS = (((4.1, 0.55), (1.7, 0.3), (0.83, 0.15)), ((3.3, 0.55), (1.9, 0.3), (0.71, 0.15)))
_WANDERING = (MotionKind.DRIFT, MotionKind.HANDHELD)


def ease(easing: Easing, moment: float) -> float:
    """Return how much of a movement is done, 0–1, at a moment 0–1 of its time."""
    return _EASINGS[easing](moment)


@dataclass(frozen=True, slots=True)
class CameraPath:
    """A movement over a picture that covers the frame.

    Args:
        motion: The movement, decided; its focus is a point of the picture.
        picture_width: Width of the picture at the scale at which it just covers the frame, in frame pixels.
        picture_height: Its height at that scale.
        frame_width: Width of the frame in pixels.
        frame_height: Height of the frame in pixels.
        seconds: How long the movement lasts; only DRIFT and HANDHELD depend on it.
    """

    motion: Motion
    picture_width: float
    picture_height: float
    frame_width: int
    frame_height: int
    seconds: float = 0.0

    @property
    def closest(self) -> float:
        """The greatest zoom of the whole movement, at least 1."""
        if self.motion.kind in _PANS:
            return self._pan_zoom()
        if self.motion.kind is MotionKind.KEN_BURNS:
            return self.frame_width / min(view.width for view in self._from_to())
        if self.motion.kind in _WANDERING:
            return 1 + self._amount() * (_DRIFT_ZOOM if self.motion.kind is MotionKind.DRIFT else _HAND_MARGIN)
        return 1 + self._amount() if self.motion.kind in (MotionKind.ZOOM_IN, MotionKind.ZOOM_OUT) else 1.0

    @property
    def extremes(self) -> tuple[View, View]:
        """Two views that together enclose all others."""
        # Easings are monotonous, so these are the first and the last.
        if self.motion.kind in _WANDERING:
            return self._zoomed(1.0), self._zoomed(1.0)
        if self.motion.kind is MotionKind.KEN_BURNS:
            narrow, wide = sorted(self._from_to(), key=lambda view: view.width)
            return wide, narrow
        return self.view(0), self.view(1)

    def view(self, moment: float) -> View:
        """Return what is seen at a moment 0–1 of the shot; it lies within the picture."""
        if self.motion.kind in _WANDERING:
            return self._wandering(moment * self.seconds)
        done = ease(self.motion.easing or Easing.EASE_IN_OUT, min(max(moment, 0.0), 1.0))
        if self.motion.kind in _PANS:
            return self._pan(done)
        if self.motion.kind is MotionKind.ZOOM_IN:
            return self._zoomed(1 + self._amount() * done)
        if self.motion.kind is MotionKind.ZOOM_OUT:
            return self._zoomed(1 + self._amount() * (1 - done))
        if self.motion.kind is MotionKind.KEN_BURNS:
            return self._between(done)
        return self._zoomed(1.0)

    def carried(self, moment: float, share: float, size: tuple[int, int]) -> NDArray[np.float64]:
        """Return where a layer over the picture is moved that follows a share of the camera's movement.

        Args:
            moment: 0–1 of the shot.
            share: 0 stays in the frame, 1 stays on the picture, more moves before it.
            size: Width and height of the frame that the layer is drawn in, in pixels.

        Returns:
            A 3 × 3 matrix; at the start of the shot nothing is moved.
        """
        first, now = self.view(0), self.view(moment)
        scale = first.width / now.width
        x, y = ((first.left - now.left) / now.width * size[0], (first.top - now.top) / now.height * size[1])
        whole = np.array(((scale, 0, x), (0, scale, y), (0, 0, 1)))
        return np.asarray(np.eye(3) + share * (whole - np.eye(3)))

    def _amount(self) -> float:
        return self.motion.amount or 0.0

    def _zoomed(self, zoom: float) -> View:
        # The focus keeps its place on the screen, so the view never leaves the one it starts from.
        left, width = _zoom_axis(self.motion.focus_x, self.picture_width, self.frame_width, zoom)
        top, height = _zoom_axis(self.motion.focus_y, self.picture_height, self.frame_height, zoom)
        return View(left, top, width, height)

    def _from_to(self) -> tuple[View, View]:
        return self._around(self.motion.start), self._around(self.motion.end)

    def _around(self, part: PictureView | None) -> View:
        """Return the smallest view that holds a part of the picture, or as much of it as the frame can show."""
        if part is None:
            return self._zoomed(1.0)
        shape = self.frame_width / self.frame_height
        width = max(part.width * self.picture_width, part.height * self.picture_height * shape)
        width = min(width, float(self.frame_width))
        height = width / shape
        left = _clamp((part.x + part.width / 2) * self.picture_width - width / 2, self.picture_width - width)
        top = _clamp((part.y + part.height / 2) * self.picture_height - height / 2, self.picture_height - height)
        return View(left, top, width, height)

    def _between(self, done: float) -> View:
        first, last = self._from_to()
        share = done
        if abs(first.width - last.width) > 1e-6 * first.width:
            # A zoom seems even where each frame is larger by the same factor; its fixed point then stays where it is.
            width = first.width * (last.width / first.width) ** done
            share = (width - first.width) / (last.width - first.width)
        return View(
            *(
                one + (other - one) * share
                for one, other in (
                    (first.left, last.left),
                    (first.top, last.top),
                    (first.width, last.width),
                    (first.height, last.height),
                )
            )
        )

    def _wandering(self, seconds: float) -> View:
        """Return the view of DRIFT or HANDHELD after some seconds; it lies within that of no zoom."""
        if self.motion.kind is MotionKind.DRIFT:
            zoom = 1 + self._amount() * _DRIFT_ZOOM * (1 - math.cos(2 * math.pi * seconds / _DRIFT_PERIOD)) / 2
            sways = [math.sin(2 * math.pi * seconds / period) for period in _WANDERINGS]
        else:
            zoom = 1 + self._amount() * _HAND_MARGIN
            sways = [
                sum(share * math.sin(2 * math.pi * seconds / period) for period, share in parts) for parts in _SWAYS
            ]
        whole = self._zoomed(1.0)
        width, height = whole.width / zoom, whole.height / zoom
        return View(
            whole.left + (whole.width - width) * (1 + sways[0]) / 2,
            whole.top + (whole.height - height) * (1 + sways[1]) / 2,
            width,
            height,
        )

    def _pan_zoom(self) -> float:
        """A pan comes closer only as far as the picture is too small for its travel."""
        along_x = _PANS[self.motion.kind or MotionKind.PAN_LEFT][0] != 0
        side, extent = (self.frame_width, self.picture_width) if along_x else (self.frame_height, self.picture_height)
        return max(1.0, side * (1 + self._amount()) / extent)

    def _pan(self, done: float) -> View:
        step_x, step_y = _PANS[self.motion.kind or MotionKind.PAN_LEFT]
        zoom = self._pan_zoom()
        width, height = self.frame_width / zoom, self.frame_height / zoom
        left = _pan_axis(self.motion.focus_x, self.picture_width, width, self._amount() * width * step_x, done)
        top = _pan_axis(self.motion.focus_y, self.picture_height, height, self._amount() * height * step_y, done)
        return View(left, top, width, height)


def _zoom_axis(focus: float, picture: float, frame: float, zoom: float) -> tuple[float, float]:
    point = focus * picture
    start = _clamp(point - frame / 2, picture - frame)
    return point - (point - start) / zoom, frame / zoom


def _pan_axis(focus: float, picture: float, side: float, travel: float, done: float) -> float:
    low = _clamp(focus * picture - (side + abs(travel)) / 2, picture - side - abs(travel))
    return low + (travel * done if travel >= 0 else -travel * (1 - done))


def _clamp(start: float, largest: float) -> float:
    return min(max(start, 0.0), max(largest, 0.0))
