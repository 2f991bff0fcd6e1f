"""Line chart: a line that is drawn from the first point to the last, over a shade, with its most telling values."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from render_service.compositor.cards.stage import Block, Stage
from render_service.compositor.cards.templates.charts import framed, value_text
from render_service.domain.cards.model import ChartCard
from render_service.domain.layers.model import ColorStop, Gradient, Keyframe, Layer, ShapeKind, ShapeLayer, Stroke

_DRAWING = 1.8
_BEGIN = 0.5
_GRID = 4
_MOST_DOTS = 14

Point = tuple[float, float]


def layers(card: ChartCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a line chart."""
    around, plot = framed(card, stage, stage.width)
    yield from around
    edge = plot.px(0.03)
    labels = _labels(card, plot, _across(card, plot, edge))
    foot = max((block.height for _, block in labels), default=0.0) + plot.px(0.02)
    sample = plot.set(value_text(card, 0, plot), plot.width, 0.05, weight=700)
    head = sample.height + plot.px(0.035)
    points = _places(card, plot, head, plot.height - foot - plot.px(0.02), edge)
    yield from _ground(plot, head, plot.height - foot)
    yield _shade(plot, points, plot.height - foot)
    yield _line(plot, points)
    for index, block in labels:
        left = _centred(points[index][0], block.width, plot.width)
        yield plot.text(
            block,
            left,
            plot.height - foot + plot.px(0.02),
            block.width,
            plot.theme.muted,
            align="center",
            **plot.fade(_BEGIN, 0.5),
        )
    yield from _marks(card, plot, points)


def _places(card: ChartCard, stage: Stage, top: float, bottom: float, edge: float) -> list[Point]:
    """Return the places of the points from where reading begins, in pixels."""
    values = [point.value for point in card.points]
    lowest, highest = min(values), max(values)
    # A line far from zero is shown with its changes, one near it stands on it.
    lowest = min(0.0, lowest) if lowest < 0.5 * highest else lowest - 0.25 * (highest - lowest)
    scale = (bottom - top) / ((highest - lowest) or 1.0)
    heights = (bottom - (value - lowest) * scale for value in values)
    return list(zip(_across(card, stage, edge), heights, strict=True))


def _across(card: ChartCard, stage: Stage, edge: float) -> list[float]:
    step = (stage.width - 2 * edge) / (len(card.points) - 1)
    return [edge + index * step for index in range(len(card.points))]


def _ground(stage: Stage, top: float, bottom: float) -> Iterator[Layer]:
    thin = max(1.0, stage.px(0.002))
    for number in range(_GRID):
        y = top + (bottom - top) * number / (_GRID - 1)
        opacity = 1.0 if number == _GRID - 1 else 0.5
        yield stage.shape(
            0, y - thin, stage.width, thin, stage.theme.faint, opacity=opacity, **stage.wipe(0.2 + 0.06 * number, 0.6)
        )


def _path(points: Sequence[Point], stage: Stage) -> str:
    """Return a line through points, as a path of the whole area, from the first to the last."""
    mirrored = ((stage.width - x if stage.mirrored else x, y) for x, y in points)
    places = [f"{100 * x / stage.width:.3f} {100 * y / stage.height:.3f}" for x, y in mirrored]
    return "M" + "L".join(places)


def _line(stage: Stage, points: Sequence[Point]) -> Layer:
    drawn = (
        Keyframe(timedelta(0), trim_end=0.0),
        Keyframe(stage.span(_DRAWING), trim_end=1.0, easing="cubic-bezier(0.4,0,0.2,1)"),
    )
    stroke = Stroke(stage.theme.accent, 0.011)
    whole = (0.0, 0.0, stage.width, stage.height)
    return stage.shape(
        *whole, kind=ShapeKind.PATH, path=_path(points, stage), stroke=stroke, start=stage.time(_BEGIN), keyframes=drawn
    )


def _shade(stage: Stage, points: Sequence[Point], bottom: float) -> Layer:
    outline = [*points, (points[-1][0], bottom), (points[0][0], bottom)]
    accent = stage.theme.accent
    stops = (ColorStop(f"{accent}66"), ColorStop(f"{accent}00", 1.0))
    shape = ShapeLayer(ShapeKind.PATH, _path(outline, stage) + "Z", gradient=Gradient(stops=stops))
    layer = stage.shape(0.0, 0.0, stage.width, stage.height, accent, **stage.wipe(_BEGIN, _DRAWING))
    enter = layer.enter and replace(layer.enter, easing="cubic-bezier(0.4,0,0.2,1)")
    return replace(layer, shape=shape, enter=enter)


def _labels(card: ChartCard, stage: Stage, points: Sequence[float]) -> list[tuple[int, Block]]:
    """Return as many labels, evenly chosen, as stand apart from each other; the last is one of them."""
    last = len(card.points) - 1
    blocks = stage.set_alike([point.label for point in card.points], 0.45 * stage.width, 0.04, lines=1)
    for step in range(1, last + 2):
        chosen = range(last, -1, -step)[::-1]
        lefts = [_centred(points[index], blocks[index].width, stage.width) for index in chosen]
        ends = [left + blocks[index].width + stage.px(0.025) for left, index in zip(lefts, chosen, strict=True)]
        if all(end <= left for end, left in zip(ends, lefts[1:], strict=False)):
            break
    return [(index, blocks[index]) for index in chosen]


def _marks(card: ChartCard, stage: Stage, points: Sequence[Point]) -> Iterator[Layer]:
    """Yield dots, and the values of the last, the highest, the lowest and the first point where there is room."""
    theme, values = stage.theme, [point.value for point in card.points]
    last = len(values) - 1
    telling = list(dict.fromkeys((last, values.index(max(values)), values.index(min(values)), 0)))
    dotted = range(len(values)) if len(values) <= _MOST_DOTS else telling
    for index in dotted:
        size = stage.px(0.034 if index == last else 0.02)
        x, y = points[index]
        at = _BEGIN + _DRAWING * (0.15 + 0.75 * index / max(last, 1))
        yield stage.shape(
            x - size / 2, y - size / 2, size, size, theme.accent, kind=ShapeKind.ELLIPSE, **stage.pop(at, 0.35)
        )
    taken: list[tuple[float, float, float, float]] = []
    for index in telling:
        size = 0.05 if index == last else 0.04
        block = stage.set(value_text(card, values[index], stage), 0.6 * stage.width, size, weight=700, lines=1)
        left = _centred(points[index][0], block.width, stage.width)
        top = points[index][1] - stage.px(0.028) - block.height
        rect = (left, top, left + block.width, top + block.height)
        if top < 0 or any(rect[0] < b[2] and rect[2] > b[0] and rect[1] < b[3] and rect[3] > b[1] for b in taken):
            continue
        gap = stage.px(0.02)
        taken.append((rect[0] - gap, rect[1], rect[2] + gap, rect[3]))
        at = _BEGIN + _DRAWING * (0.2 + 0.75 * index / max(last, 1))
        color = theme.accent_ink if index == last else theme.ink
        yield stage.text(block, left, top, block.width, color, align="center", **stage.rise(at))


def _centred(x: float, width: float, room: float) -> float:
    return min(max(x - width / 2, 0.0), max(room - width, 0.0))
