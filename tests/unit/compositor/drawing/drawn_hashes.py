"""Prints a hash of what transitions and layers draw, for each: run with other CPU extensions, the hashes must agree."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

import numpy as np

from render_service.compositor.drawing.transitions.effect import Moment
from render_service.compositor.drawing.transitions.registry import draw_transition
from render_service.compositor.frames.planes import Planes
from render_service.domain.layers.model import (
    Animation,
    AnimationKind,
    Blend,
    Box,
    ColorStop,
    Filters,
    Gradient,
    Layer,
    Shadow,
    ShapeLayer,
    TextLayer,
)
from render_service.domain.projects.project import Direction, TransitionKind
from tests.unit.compositor.layers.scenes import drawn

SIZE = (320, 180)


def _shot(random: np.random.Generator) -> Planes:
    planes = Planes.empty(*SIZE)
    for plane in planes.all():
        plane[:] = random.integers(16, 236, plane.shape, dtype=np.uint8)
    return planes


def transitions() -> Iterator[tuple[str, list[Planes]]]:
    """Yield every transition with frames of it."""
    random = np.random.default_rng(1)
    old, new = _shot(random), _shot(random)
    mask = random.integers(0, 256, SIZE[::-1], dtype=np.uint8)
    for kind in TransitionKind:
        if kind is not TransitionKind.CUT:
            frames = []
            for done in (0.21, 0.68):
                target = Planes.empty(*SIZE)
                draw_transition(kind, Moment(done, old, new, target, direction=Direction.UP, mask=mask))
                frames.append(target)
            yield kind.name, frames


def layers() -> Iterator[tuple[str, list[Planes]]]:
    """Yield layers in every blend mode, with frames of each."""
    become_sharp = Animation(AnimationKind.BLUR, duration=timedelta(seconds=1))
    for blend in Blend:
        text = Layer("t", text=TextLayer("Two words"), blend=blend, enter=become_sharp, shadow=Shadow(blur=0.1))
        shape = Layer(
            "s",
            shape=ShapeLayer(gradient=Gradient(stops=(ColorStop("#102030", 0), ColorStop("#F0C040", 1)))),
            box=Box(0.4, 0.4, width=0.5, height=0.3, rotation=20, corner_radius=0.05),
            filters=Filters(saturation=0.5, contrast=1.3, blur=0.05),
            blend=blend,
        )
        yield blend.name, [drawn((shape, text), SIZE, frame=frame) for frame in (5, 40)]


def main() -> None:
    """Print a line for each transition and blend mode."""
    for source in (transitions(), layers()):
        for name, frames in source:
            print(name, sha256(b"".join(plane.tobytes() for frame in frames for plane in frame.all())).hexdigest())


if __name__ == "__main__":
    main()
