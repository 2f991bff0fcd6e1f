"""Comparison: two panels side by side, above each other in tall frames, with a picture or a list in each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from render_service.compositor.cards.stage import SMALLEST, Block, Stage, first_fitting, shares
from render_service.compositor.cards.templates.listing import marker
from render_service.compositor.cards.themes import in_panel
from render_service.domain.cards.model import ComparisonCard, ComparisonSide, ListMarker
from render_service.domain.layers.model import Layer

_TITLE, _SMALL_TITLE, _ITEM = 0.07, 0.056, 0.056
_BETWEEN, _INDENT, _PAD = 0.5, 1.4, 0.045


@dataclass(frozen=True, slots=True)
class _Panel:
    """What stands in a panel, and the size of its picture; `beside` is what that takes beside the rest."""

    title: Block
    items: Sequence[Block]
    picture: tuple[float, float]
    beside: float
    height: float


def layers(card: ComparisonCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a comparison."""
    assert card.left is not None
    assert card.right is not None
    gap, pad = stage.px(0.035), stage.px(_PAD)
    title = (
        stage.set(card.title, stage.width, 0.078, weight=800, height=0.22 * stage.height, lines=2)
        if card.title
        else None
    )
    head = title.height + 1.2 * gap if title else 0.0
    if stage.is_wide:
        size = ((stage.width - gap) / 2, stage.height - head)
        places = ((0.0, head), (size[0] + gap, head))
    else:
        size = (stage.width, (stage.height - head - gap) / 2)
        places = ((0.0, head), (0.0, head + size[1] + gap))
    sides = (card.left, card.right)
    panels = _set(stage, sides, (size[0] - 2 * pad, size[1] - 2 * pad))
    height = min(size[1], max(panel.height for panel in panels) + 2 * pad)
    spare = size[1] - height
    down = spare / 2 if stage.is_wide else spare
    if title:
        yield stage.text(title, 0, down, stage.width, stage.theme.ink, **stage.rise(0))
    for number, (panel, name) in enumerate(zip(panels, ("left", "right"), strict=True)):
        x, y = places[number]
        y += down - (spare if number and not stage.is_wide else 0.0)
        inner = stage.within(x, y, size[0], height)
        yield from _panel(
            panel, inner, f"card.comparison.{name}.picture_uri", 0.3 + 0.4 * number, is_second=number == 1
        )


def _panel(panel: _Panel, stage: Stage, field: str, at: float, *, is_second: bool) -> Iterator[Layer]:
    pad, radius = stage.px(_PAD), stage.px(0.03)
    stage = replace(stage, theme=in_panel(stage.theme))
    theme = stage.theme
    yield stage.shape(0, 0, stage.width, stage.height, theme.panel, radius=radius, **stage.fade(at, 0.4))
    x, y = pad, pad
    width, height = panel.picture
    if width and panel.beside:
        height = stage.height - 2 * pad
        yield stage.picture(field, x, y, width, height, radius=0.6 * radius, **stage.fade(at, 0.5))
        x += panel.beside
        y = max(y, (stage.height - panel.height) / 2)
    elif width:
        yield stage.picture(field, x, y, width, height, radius=0.6 * radius, **stage.fade(at, 0.5))
        y += height + 0.6 * pad
    ink = theme.accent_ink if is_second else theme.ink
    width = stage.width - pad - x
    yield stage.text(panel.title, x, y, width, ink, **stage.rise(at + 0.2))
    y += panel.title.height + 0.4 * pad
    kind = ListMarker.CHECK if is_second else ListMarker.DOT
    for number, block in enumerate(panel.items):
        later = at + 0.5 + 0.25 * number
        yield from marker(stage, kind, block, (x, y), number=number + 1, at=later)
        indent = _INDENT * block.size
        yield stage.text(block, x + indent, y, width - indent, theme.ink, **stage.rise(later))
        y += block.height + _BETWEEN * block.size


def _set(stage: Stage, sides: Sequence[ComparisonSide], room: tuple[float, float]) -> list[_Panel]:
    """Set both panels in letters of the same sizes, the largest in which they fit."""
    has_picture = any(side.picture_uri for side in sides)
    beside = 0.36 * room[0] if has_picture and not stage.is_wide else 0.0
    width, height = room[0] - beside, room[1]
    largest = _SMALL_TITLE if beside else _TITLE
    titles = stage.set_alike([side.title for side in sides], width, largest, weight=700, height=0.32 * height, lines=2)
    sizes = shares(_ITEM)

    @cache
    def attempt(place: int) -> list[_Panel]:
        pairs = zip(sides, titles, strict=True)
        return [_panel_of(stage, side, title, sizes[place], (width, height), beside=beside) for side, title in pairs]

    def fits(place: int) -> bool:
        return all(panel.height <= height + 0.5 for panel in attempt(place))

    return attempt(first_fitting(len(sizes), fits))


def _panel_of(
    stage: Stage, side: ComparisonSide, title: Block, size: float, room: tuple[float, float], *, beside: float
) -> _Panel:
    width, height = room
    pad, count = stage.px(_PAD), max(1, len(side.items))
    # Where even the smallest letters need the room, the picture yields to them.
    is_above = bool(side.picture_uri) and not beside and size > SMALLEST
    head = title.height + (0.4 * pad if side.items else 0.0)
    least = (0.3 if side.items else 0.5) * height + 0.6 * pad if is_above else 0.0
    # In the smallest letters each item has its share of the height, and what is longer is cut.
    share = max((height - head - least) / count - _BETWEEN * size * stage.side, 1.0)
    most = share if size <= SMALLEST else float("inf")
    indent = _INDENT * size * stage.side
    items = stage.set_alike([item.text for item in side.items], width - indent, size, height=most, leading=1.2)
    rows = sum(block.height + _BETWEEN * block.size for block in items)
    rows -= _BETWEEN * items[-1].size if items else 0.0
    if is_above:
        picture = max(least - 0.6 * pad, min(height - head - rows - 0.6 * pad, 0.75 * width))
        return _Panel(title, items, (width, picture), 0.0, head + rows + picture + 0.6 * pad)
    if beside and side.picture_uri:
        # At least as high as a picture beside it looks well.
        across = beside - 0.6 * pad
        return _Panel(title, items, (across, across), beside, max(head + rows, min(0.75 * across, height)))
    return _Panel(title, items, (0.0, 0.0), 0.0, head + rows)
