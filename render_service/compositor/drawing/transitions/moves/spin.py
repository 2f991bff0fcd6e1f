"""SPIN: the picture is spun away, and the new shot spins into place."""

import cv2
import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment, between, mix
from render_service.compositor.drawing.transitions.warping import placed
from render_service.compositor.frames.planes import Plane, Planes

_DEGREES, _CLOSER = 70.0, 0.35
# Pictures that are averaged for the blur of the movement, and the part of the transition that they span.
_EXPOSURES, _SHUTTER = 3, 0.05


def draw(moment: Moment) -> None:
    """Draw one frame."""
    share = between(moment.done, 0.38, 0.62)
    sign = moment.sign
    olds = _spun(moment.old, moment.done, sign) if share < 1 else moment.old.all()
    news = _spun(moment.new, 1 - moment.done, -sign) if share > 0 else moment.new.all()
    for before, after, to in zip(olds, news, moment.target.all(), strict=True):
        mix(before, after, share, to)


def _spun(source: Planes, part: float, sign: int) -> tuple[Plane, ...]:
    """Return a picture that is a part 0–1 on its way out, blurred by its speed."""
    sums = [np.zeros(plane.shape, np.uint16) for plane in source.all()]
    for number in range(_EXPOSURES):
        at = min(1.0, max(0.0, part + part * _SHUTTER * (number - (_EXPOSURES - 1) / 2)))
        turned = placed(source, scale=1 + _CLOSER * at**2, degrees=sign * _DEGREES * at**3)
        for total, plane in zip(sums, turned, strict=True):
            cv2.add(total, plane.astype(np.uint16), dst=total)
    return tuple(np.asarray((total + _EXPOSURES // 2) // _EXPOSURES, np.uint8) for total in sums)
