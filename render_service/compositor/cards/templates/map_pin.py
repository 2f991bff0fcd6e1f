"""Map pin: a pin drops onto a place of a picture that fills the frame, with a label beside it."""

from collections.abc import Iterator
from datetime import timedelta

from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.cards.stage import Block, Stage
from render_service.domain.cards.model import MapPinCard
from render_service.domain.layers.model import (
    Anchor,
    Box,
    BoxFit,
    GroupLayer,
    Keyframe,
    Layer,
    PictureLayer,
    Shadow,
    ShapeKind,
    ShapeLayer,
    Stroke,
)

FIELD = "card.map_pin.picture_uri"
_PIN = "M50 100C36 76 8 62 8 36A42 36 0 1 1 92 36C92 62 64 76 50 100Z"
# The same below its place.
_HANGING_PIN = "M50 0C36 24 8 38 8 64A42 36 0 1 0 92 64C92 38 64 24 50 0Z"
_ZOOM = 0.06


def layers(card: MapPinCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a map pin."""
    theme, frame = stage.theme, stage.frame
    picture, (x, y) = _covering(card, stage)
    # It grows around the pin, which stands still.
    zoom = (
        Keyframe(timedelta(0), scale=1.0),
        Keyframe(timedelta(seconds=stage.seconds), scale=1 + _ZOOM, easing="linear"),
    )
    around = Box(x / frame[0], y / frame[1], Anchor.CENTER, 1.0, 1.0)
    yield Layer("card-map", group=GroupLayer(), box=around, keyframes=zoom)
    yield Layer(picture=PictureLayer(FIELD), box=picture, parent="card-map")
    pin = stage.px(0.13)
    yield _ring(stage, (x, y), 0.9)
    shadow = Shadow("#00000080", 0.02, 0, 0.008)
    hangs = y < pin
    left, top, path = x - 0.42 * pin, y if hangs else y - pin, _HANGING_PIN if hangs else _PIN
    yield _free(stage, left, top, 0.84 * pin, pin, theme.accent, path, shadow=shadow, **stage.pop(0.4))
    hole = 0.3 * pin
    down = top + (0.49 if hangs else 0.21) * pin
    yield _free(stage, x - hole / 2, down, hole, hole, theme.on_accent, "", kind=ShapeKind.ELLIPSE, **stage.pop(0.5))
    yield from _label(card, stage, (x, top), pin, hangs=hangs)


def _label(card: MapPinCard, stage: Stage, at: tuple[float, float], pin: float, *, hangs: bool) -> Iterator[Layer]:
    theme, pad, between = stage.theme, stage.px(0.028), stage.px(0.006)
    column = min(stage.width, stage.px(0.86)) - 2 * pad
    detail = stage.set(card.detail, column, 0.036, height=0.2 * stage.height, lines=3) if card.detail else None
    label = stage.set(card.label, column, 0.054, weight=700, height=0.25 * stage.height, lines=2)
    width = max(label.width, detail.width if detail else 0.0) + 2 * pad
    height = label.height + (detail.height + between if detail else 0.0) + 1.5 * pad
    x, y = _place(stage.area, at, pin, (width, height), stage.px(0.03), hangs=hangs)
    if stage.mirrored:
        x = 2 * stage.area.x + stage.area.width - x - width
    x, y = x - stage.area.x, y - stage.area.y
    yield stage.shape(x, y, width, height, theme.panel, radius=stage.px(0.018), **stage.wipe(0.8, 0.5))
    rows: list[tuple[Block, str, float]] = [(label, theme.ink, 0.0)]
    if detail:
        rows.append((detail, theme.muted, label.height + between))
    for number, (block, color, down) in enumerate(rows):
        top = y + 0.75 * pad + down
        yield stage.text(block, x + pad, top, width - 2 * pad, color, **stage.rise(1.0 + 0.15 * number))


def _place(
    area: Rect, at: tuple[float, float], pin: float, size: tuple[float, float], gap: float, *, hangs: bool
) -> tuple[float, float]:
    """Return left and top of the label: beside the pin where there is room, else below or above it, in the area.

    Args:
        area: Where it may lie.
        at: The middle of the pin and its top, in pixels.
        pin: How high the pin is.
        size: Width and height of the label.
        gap: Space between the two.
        hangs: Whether the pin's tip is its top.
    """
    x, top = at
    width, height = size
    right, foot = area.x + area.width, area.y + area.height
    middle = min(max(top + (0.62 if hangs else 0.38) * pin - height / 2, area.y), foot - height)
    if x + 0.5 * pin + gap + width <= right:
        return x + 0.5 * pin + gap, middle
    if x - 0.5 * pin - gap - width >= area.x:
        return min(x - 0.5 * pin - gap, right) - width, middle
    left = min(max(x - width / 2, area.x), right - width)
    # The tip needs a little more, for the ring around it.
    below = top + pin + (1.0 if hangs else 1.6) * gap
    above = top - (1.6 if hangs else 1.0) * gap
    return left, below if below + height <= foot else max(area.y, min(above, foot) - height)


def _covering(card: MapPinCard, stage: Stage) -> tuple[Box, tuple[float, float]]:
    """Return the box of the picture, which covers the frame, and where its place lies, in pixels: near the middle."""
    frame, area = stage.frame, stage.area
    size = dict(stage.sizes).get(FIELD, frame)
    scale = max(frame[0] / size[0], frame[1] / size[1])
    wide, high = size[0] * scale, size[1] * scale
    wish = (area.x + 0.5 * area.width, area.y + 0.55 * area.height)
    left = min(max(wish[0] - card.x * wide, frame[0] - wide), 0.0)
    top = min(max(wish[1] - card.y * high, frame[1] - high), 0.0)
    box = Box(left / frame[0], top / frame[1], Anchor.TOP_LEFT, wide / frame[0], high / frame[1], BoxFit.FILL)
    return box, (left + card.x * wide, top + card.y * high)


def _ring(stage: Stage, at: tuple[float, float], begin: float) -> Layer:
    """Return a ring that spreads around the foot of the pin, again and again."""
    size, frame = stage.px(0.16), stage.frame
    beats = min(8, max(1, int((stage.seconds - begin) / 1.6)))
    states = ((0.0, 0.15, 0.9), (1.2, 1.0, 0.0), (1.55, 0.15, 0.0))
    keyframes = tuple(
        Keyframe(timedelta(seconds=1.6 * beat + later), scale=scale, opacity=opacity, easing="ease-out")
        for beat in range(beats)
        for later, scale, opacity in states
    )
    box = Box(at[0] / frame[0], at[1] / frame[1], Anchor.CENTER, size / frame[0], size / frame[1])
    stroke = Stroke(stage.theme.accent, 0.008)
    return Layer(
        shape=ShapeLayer(ShapeKind.ELLIPSE),
        box=box,
        stroke=stroke,
        start=stage.time(begin),
        keyframes=keyframes,
        opacity=0.0,
    )


def _free(  # noqa: PLR0917 - where and how it stands
    stage: Stage, x: float, y: float, width: float, height: float, color: str, path: str,
    *, kind: ShapeKind = ShapeKind.PATH, **layer: object,
) -> Layer:  # fmt: skip
    """Return a shape at a place of the frame, which is not mirrored."""
    frame = stage.frame
    box = Box(x / frame[0], y / frame[1], Anchor.TOP_LEFT, width / frame[0], height / frame[1])
    return Layer(shape=ShapeLayer(kind, path, color), box=box, **layer)  # type: ignore[arg-type]
