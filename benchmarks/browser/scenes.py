"""Scenes of layers, each also as HTML: what a browser draws from CSS must be what the service draws."""

from dataclasses import dataclass

from render_service.domain.layers.model import (
    Anchor,
    Blend,
    Box,
    ColorStop,
    Gradient,
    GradientKind,
    Layer,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
)

WIDTH, HEIGHT = 480, 280
SIDE = min(WIDTH, HEIGHT)
# Where texts begin, as a part of the width, and their baseline in pixels.
_LEFT, _BASELINE = 0.1, 150
GROUND = "linear-gradient(90deg, #3C46B4, #D2A03C)"
GROUND_LAYER = Layer(
    "ground", shape=ShapeLayer(gradient=Gradient(angle=90, stops=(ColorStop("#3C46B4"), ColorStop("#D2A03C", 1.0))))
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene: its layers, and the HTML inside of a body of the frame's size."""

    name: str
    layers: tuple[Layer, ...]
    html: str


def _in_box(name: str, css: str, shape: ShapeLayer, *, inner: str = "", **fields: object) -> Scene:
    """Return a shape over the middle of the frame, half as wide and six tenths as high."""
    box = fields.pop("box", Box(0.5, 0.5, width=0.5, height=0.6))
    layer = Layer("shape", shape=shape, box=box, **fields)  # type: ignore[arg-type]
    place = f"left:{0.25 * WIDTH}px;top:{0.2 * HEIGHT}px;width:{0.5 * WIDTH}px;height:{0.6 * HEIGHT}px"
    html = f'<div style="position:absolute;box-sizing:border-box;{place};{css}">{inner}</div>'
    return Scene(name, (GROUND_LAYER, layer), html)


def _svg(path: str) -> str:
    return f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" style="width:100%;height:100%">{path}</svg>'


def _gradient(kind: GradientKind, angle: float, *stops: tuple[str, float]) -> ShapeLayer:
    return ShapeLayer(gradient=Gradient(kind, angle, tuple(ColorStop(*stop) for stop in stops)))


def _text(name: str, text: str, size: float, color: str = "#FFFFFF", weight: int = 600) -> Scene:
    """Return a text by its left edge and baseline; the font file is that of the service."""
    em = round(size * SIDE)
    # Letters reach 0.88 em above their baseline; the box is placed by its top.
    box = Box(_LEFT, (_BASELINE - 0.88 * em) / HEIGHT, Anchor.TOP_LEFT)
    layer = Layer("text", text=TextLayer(text, TextStyle(size=size, weight=weight, color=color)), box=box)
    style = f"font:{weight} {em}px/1 service-0;white-space:pre"
    place = f'x="{_LEFT * WIDTH}" y="{_BASELINE}" fill="{color}" style="{style}"'
    html = f'<svg style="position:absolute;width:100%;height:100%"><text {place}>{text}</text></svg>'
    return Scene(name, (GROUND_LAYER, layer), html)


RED = ShapeLayer(color="#E0206B")
ELLIPSE = ShapeLayer(ShapeKind.ELLIPSE, color="#E0206B")
_STAR = "M50 0L61 35H98L68 57 79 91 50 70 21 91 32 57 2 35H39Z"
_CURVE = "M10 50C10 -20 90 -20 90 50S10 120 10 50Z"
_RING = "M5 50A45 45 0 1 1 95 50A45 45 0 1 1 5 50ZM30 50A20 20 0 1 0 70 50A20 20 0 1 0 30 50Z"
_ELLIPSE = (
    '<svg style="width:100%;height:100%;overflow:visible"><ellipse cx="50%" cy="50%" rx="50%" ry="50%" fill="#E0206B" '
    f'stroke="#FFFFFF" stroke-width="{0.04 * SIDE}"/></svg>'
)
_BLENDS = {
    Blend.NORMAL: "normal",
    Blend.MULTIPLY: "multiply",
    Blend.SCREEN: "screen",
    Blend.OVERLAY: "overlay",
    Blend.ADD: "plus-lighter",
}

SCENES: tuple[Scene, ...] = (
    _in_box("rectangle", "background:#E0206B", RED),
    _in_box("translucent", "background:#E0206B80", ShapeLayer(color="#E0206B80")),
    _in_box("opacity", "background:#E0206B;opacity:0.4", RED, opacity=0.4),
    _in_box("ellipse", "background:#E0206B;border-radius:50%", ELLIPSE),
    _in_box(
        "rounded",
        f"background:#E0206B;border-radius:{0.1 * SIDE}px",
        RED,
        box=Box(0.5, 0.5, width=0.5, height=0.6, corner_radius=0.1),
    ),
    *(
        _in_box(
            f"turned-{angle}",
            f"background:#E0206B;transform:rotate({angle}deg)",
            RED,
            box=Box(0.5, 0.5, width=0.5, height=0.6, rotation=angle),
        )
        for angle in (15, -40, 90)
    ),
    *(
        _in_box(f"blend-{css}", f"background:#C06030;mix-blend-mode:{css}", ShapeLayer(color="#C06030"), blend=blend)
        for blend, css in _BLENDS.items()
    ),
    _in_box(
        "blend-half",
        "background:#C06030;mix-blend-mode:overlay;opacity:0.5",
        ShapeLayer(color="#C06030"),
        blend=Blend.OVERLAY,
        opacity=0.5,
    ),
    *(
        _in_box(
            f"gradient-{angle}",
            f"background:linear-gradient({angle}deg, #FF5F6D, #FFC371 40%, #2B5CFF00)",
            _gradient(GradientKind.LINEAR, angle, ("#FF5F6D", 0.0), ("#FFC371", 0.4), ("#2B5CFF00", 1.0)),
        )
        for angle in (0, 90, 135, 200)
    ),
    _in_box(
        "gradient-radial",
        "background:radial-gradient(#FFFFFF, #E0206B 60%, #10203000)",
        _gradient(GradientKind.RADIAL, 0, ("#FFFFFF", 0.0), ("#E0206B", 0.6), ("#10203000", 1.0)),
    ),
    _in_box(
        "shadow",
        f"background:#FFFFFF;box-shadow:0 {0.02 * SIDE}px {0.1 * SIDE}px #000000B0",
        ShapeLayer(color="#FFFFFF"),
        shadow=Shadow("#000000B0", blur=0.1, y=0.02),
    ),
    _in_box(
        "shadow-sharp",
        f"background:#FFFFFF;box-shadow:{0.05 * SIDE}px {0.05 * SIDE}px 0 #00000080",
        ShapeLayer(color="#FFFFFF"),
        shadow=Shadow("#00000080", blur=0.0, x=0.05, y=0.05),
    ),
    # Chromium draws outlines in whole pixels.
    _in_box(
        "stroke",
        "outline:10px solid #FFFFFF;outline-offset:-5px;background:#E0206B",
        RED,
        stroke=Stroke("#FFFFFF", 10 / SIDE),
    ),
    _in_box("stroke-ellipse", "", ELLIPSE, inner=_ELLIPSE, stroke=Stroke("#FFFFFF", 0.04)),
    *(
        _in_box(name, "", ShapeLayer(ShapeKind.PATH, path, "#FFC940"), inner=_svg(f'<path d="{path}" fill="#FFC940"/>'))
        for name, path in (("path-star", _STAR), ("path-curve", _CURVE), ("path-ring", _RING))
    ),
    _text("text-latin", "Night ferry", 0.25),
    _text("text-black", "Fast ferry", 0.25, "#102030", 900),
    _text("text-thin", "Quiet hours, 12:30", 0.18, weight=300),
    _text("text-japanese", "静かな湖の一日", 0.2),
    _text("text-small", "The first ferry leaves before the sun is up.", 0.07, weight=400),
)
