"""List: a title, and items that come one after the other, in two columns where that lets them be larger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from render_service.compositor.cards.stage import SMALLEST, Block, Stage, first_fitting, shares
from render_service.domain.cards.model import ListCard, ListItem, ListMarker
from render_service.domain.layers.model import Layer, ShapeKind, Stroke

_SIZE = 0.066
_LARGER = 1.1  # How much larger letters must become for a second column.
_CHECK = "M4 52L38 86L96 16"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Items in columns: each column's blocks, their common width, and the height of the highest column."""

    columns: Sequence[Sequence[Block]]
    width: float
    height: float
    size: int


def layers(card: ListCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a list."""
    theme, y = stage.theme, 0.0
    title = (
        stage.set(card.title, stage.width, 0.09, weight=800, height=0.3 * stage.height, lines=2) if card.title else None
    )
    rule, gap = stage.px(0.008), stage.px(0.04)
    head = title.height + 2 * gap + rule if title else 0.0
    rows = _arranged(stage, card.items, stage.height - head, has_marker=card.marker is not ListMarker.NONE)
    y = max(0.0, (stage.height - head - rows.height) / 2)
    if title:
        yield stage.text(title, 0, y, stage.width, theme.ink, **stage.rise(0))
        y += title.height + 0.7 * gap
        yield stage.shape(0, y, stage.px(0.11), rule, theme.accent, radius=rule / 2, **stage.wipe(0.3, 0.5))
        y += rule + 1.3 * gap
    number, step = 0, min(0.45, 2.6 / max(1, len(card.items)))
    for index, column in enumerate(rows.columns):
        x, top = index * (rows.width + 2 * gap), y
        for block in column:
            at = 0.5 + number * step
            number += 1
            indent = _indent(block.size) if card.marker is not ListMarker.NONE else 0.0
            yield from marker(stage, card.marker, block, (x, top), number=number, at=at)
            yield stage.text(block, x + indent, top, rows.width - indent, theme.ink, **stage.rise(at))
            top += block.height + _between(block)


def marker(
    stage: Stage, kind: ListMarker, block: Block, place: tuple[float, float], *, number: int, at: float
) -> Iterator[Layer]:
    """Yield the marker of an item beside the first line of its text; `place` is where its row begins."""
    theme, size = stage.theme, float(block.size)
    x, middle = place[0], place[1] + 0.56 * size
    if kind is ListMarker.DOT:
        dot = 0.34 * size
        yield stage.shape(
            x + 0.3 * size, middle - dot / 2, dot, dot, theme.accent, kind=ShapeKind.ELLIPSE, **stage.pop(at, 0.4)
        )
    elif kind is ListMarker.CHECK:
        stroke = Stroke(theme.accent, max(0.13 * size / stage.side, 0.001))
        yield stage.shape(
            x + 0.1 * size, middle - 0.33 * size, 0.72 * size, 0.66 * size,
            kind=ShapeKind.PATH, path=_CHECK, stroke=stroke, **stage.wipe(at, 0.4),
        )  # fmt: skip
    elif kind is ListMarker.NUMBER:
        disc = 1.12 * size
        yield stage.shape(x, middle - disc / 2, disc, disc, theme.accent, kind=ShapeKind.ELLIPSE, **stage.pop(at, 0.4))
        figure = stage.set(str(number), disc, 0.62 * size / stage.side, weight=800, lines=1)
        top = middle - 0.53 * figure.size
        yield stage.text(figure, x, top, disc, theme.on_accent, align="center", **stage.fade(at + 0.1, 0.3))


def _indent(size: float) -> float:
    return 1.55 * size


def _between(block: Block) -> float:
    return 0.62 * block.size


def _arranged(stage: Stage, items: Sequence[ListItem], height: float, *, has_marker: bool) -> _Rows:
    one = _in_columns(stage, items, height, 1, has_marker=has_marker)
    if not stage.is_wide or len(items) < 4:
        return one
    two = _in_columns(stage, items, height, 2, has_marker=has_marker)
    return two if two.size > _LARGER * one.size or one.height > height else one


def _in_columns(stage: Stage, items: Sequence[ListItem], height: float, count: int, *, has_marker: bool) -> _Rows:
    """Set items in the largest letters in which their columns fit a height."""
    width = (stage.width - (count - 1) * stage.px(0.08)) / count
    each = -(-len(items) // count)
    sizes = shares(_SIZE)

    @cache
    def attempt(place: int) -> _Rows:
        size = sizes[place]
        room = width - (_indent(size * stage.side) if has_marker else 0.0)
        # In the smallest letters each item has its share of the height, and what is longer is cut.
        most = height / each - 0.62 * size * stage.side if size <= SMALLEST else float("inf")
        blocks = stage.set_alike([item.text for item in items], room, size, weight=500, height=most, leading=1.22)
        columns = [blocks[first : first + each] for first in range(0, len(blocks), each)]
        heights = (sum(block.height + _between(block) for block in column) - _between(column[-1]) for column in columns)
        return _Rows(columns, width, max(heights), blocks[0].size)

    return attempt(first_fitting(len(sizes), lambda place: attempt(place).height <= height))
