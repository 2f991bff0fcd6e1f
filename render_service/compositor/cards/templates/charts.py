"""What all charts share: a title above and a note below the plot, and values as texts that count."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from render_service.compositor.cards.stage import Block, Stage
from render_service.domain.cards.model import ChartCard
from render_service.domain.layers.changing import NUMBER
from render_service.domain.layers.model import Counter, Layer
from render_service.domain.layers.numbers import written

EASING = "cubic-bezier(0.2,0.8,0.2,1)"
GROWING = 1.1
"""Seconds in which a value grows."""


def framed(card: ChartCard, stage: Stage, most: float = float("inf")) -> tuple[list[Layer], Stage]:
    """Return the layers of a chart's title and note, and what is left for its plot: at most a height in pixels."""
    gap, width, theme = stage.px(0.035), stage.width, stage.theme
    note = stage.set(card.note, width, 0.032, height=0.1 * stage.height, lines=2) if card.note else None
    title = stage.set(card.title, width, 0.074, weight=800, height=0.24 * stage.height, lines=2) if card.title else None
    head, foot = (title.height + gap if title else 0.0), (note.height + 0.6 * gap if note else 0.0)
    height = max(min(stage.height - head - foot, most), 1.0)
    top = max(0.0, (stage.height - head - foot - height) / 2)
    found = []
    if title:
        found.append(stage.text(title, 0, top, width, theme.ink, **stage.rise(0)))
    if note:
        y = top + head + height + 0.6 * gap
        found.append(stage.text(note, 0, y, width, theme.muted, **stage.fade(1.2)))
    return found, stage.within(0, top + head, width, height)


def value_text(card: ChartCard, value: float, stage: Stage) -> str:
    """Return a value as it is written, with its unit."""
    return f"{written(value, card.decimals, stage.language)}{card.unit}"


def counting(
    card: ChartCard,
    value: float,
    block: Block,
    stage: Stage,
    place: tuple[float, float, float],
    *,
    color: str,
    **how: Any,
) -> Layer:
    """Return a value that counts up from nothing; `place` is left, top and width."""
    counter = Counter(0, value, card.decimals, stage.span(GROWING), EASING)
    layer = stage.text(block, *place, color, counter=counter, **how)
    assert layer.text is not None
    return replace(layer, text=replace(layer.text, text=f"{NUMBER}{card.unit}"))


def steps(count: int) -> Iterator[float]:
    """Yield when each of some parts begins to grow, in seconds."""
    step = min(0.16, 1.0 / max(count, 1))
    return (0.5 + number * step for number in range(count))
