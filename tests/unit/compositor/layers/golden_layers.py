"""Layers whose looks were judged by eye once, and how to draw them; run as a script it draws them anew."""

from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np

from render_service.domain.layers.model import (
    Anchor,
    Animation,
    AnimationKind,
    AnimationUnit,
    Blend,
    Box,
    ColorStop,
    Filters,
    Gradient,
    GradientKind,
    Keyframe,
    Layer,
    Mask,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextAlign,
    TextLayer,
    TextStyle,
)
from tests.unit.compositor.layers.scenes import Rgb, drawn, to_rgb

FOLDER = Path(__file__).parent / "golden"
SUNSET = Gradient(angle=90, stops=(ColorStop("#FF5F6D"), ColorStop("#FFC371", 1)))
GLOW = Gradient(GradientKind.RADIAL, stops=(ColorStop("#FFFFFF"), ColorStop("#FFC94000", 1)))
STAR = "M50 0 L61 35 H98 L68 57 79 91 50 70 21 91 32 57 2 35 H39 Z"


def _text(text: str, box: Box, **style: object) -> Layer:
    return Layer(text=TextLayer(text, TextStyle(**style)), box=box)  # type: ignore[arg-type]


def _shape(kind: ShapeKind, box: Box, *, color: str = "", gradient: Gradient | None = None, path: str = "") -> Layer:
    return Layer(shape=ShapeLayer(kind, path, color, gradient), box=box)


GOLDEN: dict[str, tuple[Layer, ...]] = {
    "lower-third": (
        _shape(ShapeKind.RECTANGLE, Box(anchor=Anchor.BOTTOM, width=1, height=0.36), color="#0B1E3BCC"),
        _text("Lena Okafor", Box(0.06, 0.82, Anchor.BOTTOM_LEFT), size=0.14, weight=800),
        _text("Marine biologist", Box(0.06, 0.84, Anchor.TOP_LEFT), size=0.09, weight=400, color="#FFC940"),
        _text("LIVE", Box(0.06, 0.1, Anchor.TOP_LEFT, corner_radius=0.03), size=0.1, background="#E02020"),
    ),
    "text-styles": (
        Layer(
            text=TextLayer("Slanted", TextStyle(size=0.26, weight=900, italic=True, gradient=SUNSET)),
            box=Box(0.5, 0.28),
            stroke=Stroke("#20103A", 0.02),
            shadow=Shadow(blur=0.06, y=0.03),
        ),
        _text("wide letters", Box(0.5, 0.62), size=0.11, letter_spacing=0.3, color="#102030"),
        _text("مرحبا بالعالم", Box(0.95, 0.85, Anchor.RIGHT), size=0.14, align=TextAlign.START),
    ),
    "text-fits": (
        _shape(ShapeKind.RECTANGLE, Box(0.5, 0.5, width=0.5, height=0.6), color="#00000080"),
        _text("This text is far too long for its box at its own size", Box(width=0.5, height=0.6), size=0.3),
    ),
    "shapes": (
        _shape(ShapeKind.ELLIPSE, Box(0.2, 0.3, width=0.3, height=0.4), gradient=GLOW),
        Layer(
            shape=ShapeLayer(ShapeKind.PATH, STAR, "#FFFFFF"),
            box=Box(0.5, 0.4, height=0.5, rotation=20),
            shadow=Shadow(blur=0.08, y=0.02),
        ),
        Layer(
            shape=ShapeLayer(ShapeKind.RECTANGLE, gradient=SUNSET),
            box=Box(0.82, 0.35, width=0.25, height=0.4, rotation=-12, corner_radius=0.08),
            stroke=Stroke("#102030", 0.03),
        ),
        Layer(
            shape=ShapeLayer(ShapeKind.LINE), box=Box(0.5, 0.9, width=0.8, height=0.1), stroke=Stroke("#FFC940", 0.03)
        ),
        Layer(shape=ShapeLayer(ShapeKind.ELLIPSE), box=Box(0.2, 0.3, height=0.3), stroke=Stroke("#E02020", 0.04)),
    ),
    "filters-and-masks": tuple(
        Layer(
            shape=ShapeLayer(gradient=SUNSET),
            box=Box((number + 0.5) / 5, 0.5, width=0.18, height=0.7),
            **fields,  # type: ignore[arg-type]
        )
        for number, fields in enumerate(
            (
                {"filters": Filters(brightness=0.6, contrast=1.5)},
                {"filters": Filters(saturation=0.0)},
                {"filters": Filters(blur=0.1)},
                {"mask": Mask(ShapeKind.ELLIPSE, feather=0.05), "shadow": Shadow()},
                {"mask": Mask(ShapeKind.PATH, STAR, inverted=True)},
            )
        )
    ),
    "blends": tuple(
        Layer(
            shape=ShapeLayer(ShapeKind.ELLIPSE, color="#C06030"),
            box=Box((number + 0.5) / 5, 0.5, width=0.19, height=0.8),
            blend=blend,
            opacity=0.8,
        )
        for number, blend in enumerate(Blend)
    ),
}


_MOVING = (
    Layer(
        text=TextLayer("Hello\nbig world", TextStyle(size=0.24, weight=800)),
        box=Box(0.5, 0.4),
        shadow=Shadow(),
        enter=Animation(AnimationKind.SLIDE, AnimationUnit.LETTER),
    ),
    Layer(
        shape=ShapeLayer(color="#FFC940"),
        box=Box(0.15, 0.8, height=0.25, rotation=10),
        keyframes=(Keyframe(timedelta(seconds=0.5), x=0.8, scale=1.5, rotation=80, opacity=0.6),),
    ),
)
_FRAMES = (3, 7, 11)
MOVING = "moving"


def picture(name: str) -> Rgb:
    """Draw a scene; that of moving layers in several frames, one below the other."""
    if name == MOVING:
        return np.vstack([to_rgb(drawn(_MOVING, frame=frame)) for frame in _FRAMES])
    return to_rgb(drawn(GOLDEN[name]))


def main() -> None:
    """Draw all pictures anew."""
    for name in (*GOLDEN, MOVING):
        cv2.imwrite(str(FOLDER / f"{name}.png"), picture(name)[:, :, ::-1])


if __name__ == "__main__":
    main()
