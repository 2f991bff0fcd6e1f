"""Donut chart: a ring that fills part by part, the largest share in its middle, and a legend beside or below it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate

from render_service.compositor.cards.stage import Stage
from render_service.compositor.cards.templates.charts import counting, framed, value_text
from render_service.domain.cards.model import ChartCard, ChartPoint
from render_service.domain.layers.changing import NUMBER
from render_service.domain.layers.model import Counter, Keyframe, Layer, ShapeKind, Stroke, Trim
from render_service.domain.layers.numbers import written

_FILLING, _BEGIN = 1.4, 0.4
_THICK = 0.17  # Of the ring, as a share of its diameter.
_GAP = 0.006
_ROW = 0.13  # The most that an entry of the legend takes, as a share of the frame's shorter side.


def layers(card: ChartCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a donut chart."""
    most = float("inf") if stage.is_wide else 0.66 * stage.width + stage.px(0.06 + _ROW * len(card.points))
    around, plot = framed(card, stage, most)
    yield from around
    if stage.is_wide:
        ring = min(plot.height, 0.42 * plot.width)
        beside = plot.width - ring - plot.px(0.09)
        room = (min(beside, plot.px(0.95)), plot.height)
        x = max(0.0, (plot.width - ring - plot.px(0.09) - room[0]) / 2)
        place, legend = (x, (plot.height - ring) / 2), (x + ring + plot.px(0.09), 0.0)
    else:
        ring = min(0.66 * plot.width, 0.5 * plot.height)
        gap = plot.px(0.06)
        room = (min(plot.width, plot.px(0.86)), plot.height - ring - gap)
        place, legend = ((plot.width - ring) / 2, 0.0), ((plot.width - room[0]) / 2, ring + gap)
    colors = _colors(card.points, plot)
    yield from _ring(card.points, plot, place, ring, colors)
    yield from _middle(card.points, plot, place, ring)
    yield from _legend(card, plot.within(*legend, *room), colors)


def _colors(points: Sequence[ChartPoint], stage: Stage) -> list[str]:
    """Return a colour for each part: the accent for the largest."""
    largest = max(range(len(points)), key=lambda index: points[index].value)
    others = iter(stage.theme.series[1:] * 2)
    return [stage.theme.accent if index == largest else next(others) for index in range(len(points))]


def _ring(
    points: Sequence[ChartPoint], stage: Stage, place: tuple[float, float], ring: float, colors: Sequence[str]
) -> Iterator[Layer]:
    total = sum(point.value for point in points)
    ends = list(accumulate(point.value / total for point in points))
    thick, x, y = _THICK * ring, *place
    inner = (x + thick / 2, y + thick / 2, ring - thick, ring - thick)
    between = _GAP / 2 if sum(point.value > 0 for point in points) > 1 else 0.0
    for index, point in enumerate(points):
        first, last = (ends[index - 1] if index else 0.0), min(ends[index], 1.0)
        if point.value <= 0 or last - first <= 2 * between:
            continue
        first, last = first + between, last - between
        if stage.mirrored:
            first, last = 1 - last, 1 - first
        begin, length = (
            _BEGIN + _FILLING * (ends[index - 1] if index else 0.0),
            max(0.2, _FILLING * point.value / total),
        )
        states = ((last, last), (first, last)) if stage.mirrored else ((first, first), (first, last))
        times = (timedelta(0), stage.span(length))
        keyframes = tuple(
            Keyframe(time, trim_start=start, trim_end=end, easing="linear")
            for time, (start, end) in zip(times, states, strict=True)
        )
        stroke = Stroke(colors[index], thick / stage.side)
        layer = stage.shape(*inner, kind=ShapeKind.ELLIPSE, stroke=stroke, start=stage.time(begin), keyframes=keyframes)
        assert layer.shape is not None
        yield replace(layer, shape=replace(layer.shape, trim=Trim(first, last)))


def _middle(points: Sequence[ChartPoint], stage: Stage, place: tuple[float, float], ring: float) -> Iterator[Layer]:
    """Yield the largest share in per cent, which counts."""
    share = 100 * max(point.value for point in points) / sum(point.value for point in points)
    sign = percent_sign(stage.language)
    hole = ring * (1 - 2 * _THICK) * 0.8
    block = stage.set(f"{written(share, 0, stage.language)}{sign}", hole, 0.2, weight=800, lines=1, height=0.6 * hole)
    counter = Counter(0, share, 0, stage.span(_FILLING), "ease-out")
    left, top = place[0] + (ring - hole) / 2, place[1] + (ring - block.height) / 2
    how = stage.fade(_BEGIN, 0.4)
    layer = stage.text(block, left, top, hole, stage.theme.ink, align="center", counter=counter, **how)
    assert layer.text is not None
    yield replace(layer, text=replace(layer.text, text=f"{NUMBER}{sign}"))


def _legend(card: ChartCard, stage: Stage, colors: Sequence[str]) -> Iterator[Layer]:
    points, theme = card.points, stage.theme
    slot = min(stage.height / len(points), stage.px(_ROW))
    height = 0.82 * slot
    values = [value_text(card, point.value, stage) for point in points]
    shown = stage.set_alike(values, 0.4 * stage.width, 0.054, weight=700, lines=1, height=height)
    widest = max(block.width for block in shown)
    dot = min(0.4 * slot, stage.px(0.036))
    indent = 2 * dot
    room = max(stage.width - widest - indent - stage.px(0.03), 1.0)
    labels = stage.set_alike([point.label for point in points], room, 0.05, lines=2, height=height, leading=1.15)
    y = (stage.height - slot * len(points)) / 2
    for index, point in enumerate(points):
        at, middle = _BEGIN + 0.15 + 0.12 * index, y + (index + 0.5) * slot
        yield stage.shape(0, middle - dot / 2, dot, dot, colors[index], radius=0.28 * dot, **stage.pop(at, 0.4))
        label, value = labels[index], shown[index]
        yield stage.text(label, indent, middle - label.height / 2, room, theme.ink, **stage.rise(at))
        place = (stage.width - widest, middle - value.height / 2, widest)
        yield counting(card, point.value, value, stage, place, color=theme.ink, align="end", **stage.fade(at, 0.4))


def percent_sign(language: str) -> str:
    """Return what follows a number of per cent in a language."""
    primary = language.lower().split("-")[0]
    if primary in ("ar", "fa", "ckb", "ps"):
        # The mark makes it a text that is read from the right: the sign stands left of the number.
        return "٪\u061c"
    return "\u00a0%" if primary in ("cs", "da", "de", "es", "fi", "fr", "nb", "no", "ru", "sk", "sv", "uk") else "%"
