"""Statistic: a number that fills the frame and counts, with what it counts below."""

from collections.abc import Iterator
from dataclasses import replace

from render_service.compositor.cards.stage import Stage
from render_service.domain.cards.model import StatisticCard
from render_service.domain.layers.changing import NUMBER
from render_service.domain.layers.model import Counter, Layer
from render_service.domain.layers.numbers import written

_COUNTING = 1.8
_MEASURE = 18


def layers(card: StatisticCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a statistic."""
    theme, gap = stage.theme, stage.px(0.035)
    ends = (written(end, card.decimals, stage.language) for end in (card.start, card.value))
    longest = f"{card.prefix}{max(ends, key=len)}{card.suffix}"
    note = stage.set(card.note, stage.width, 0.032, height=0.12 * stage.height) if card.note else None
    column = min(stage.width, _MEASURE * stage.px(0.062))
    label = stage.set_large(card.label, column, 0.062, weight=500, height=0.3 * stage.height)
    rule = stage.px(0.008)
    rest = 2 * gap + rule + label.height + (note.height + gap if note else 0.0)
    wanted = 0.36 if stage.is_wide else 0.3
    number = stage.set(longest, stage.width, wanted, weight=800, height=stage.height - rest, lines=1)
    y = (stage.height - rest - number.height) / 2
    counted = Counter(card.start, card.value, card.decimals, stage.span(_COUNTING), "cubic-bezier(0.1,0.7,0.1,1)")
    shown = stage.text(
        number, 0, y, stage.width, theme.accent_ink, align="center", counter=counted, **stage.fade(0, 0.4)
    )
    yield with_text(shown, f"{card.prefix}{NUMBER}{card.suffix}")
    y += number.height + gap
    width = stage.px(0.14)
    yield stage.shape((stage.width - width) / 2, y, width, rule, theme.accent, radius=rule / 2, **stage.wipe(0.4))
    y += rule + gap
    left = (stage.width - column) / 2
    yield stage.text(label, left, y, column, theme.ink, align="center", **stage.rise(0.6))
    if note:
        y = stage.height - note.height if stage.is_wide else y + label.height + gap
        yield stage.text(note, 0, y, stage.width, theme.muted, align="center", **stage.fade(1.2))


def with_text(layer: Layer, text: str) -> Layer:
    """Return a text that was measured with its number as the text of a counter."""
    assert layer.text is not None
    return replace(layer, text=replace(layer.text, text=text))
