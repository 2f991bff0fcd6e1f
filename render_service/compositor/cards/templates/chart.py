"""Chart: a bar, line or donut chart."""

from collections.abc import Iterator

from render_service.compositor.cards.stage import Stage
from render_service.compositor.cards.templates import bar_chart, donut_chart, line_chart
from render_service.domain.cards.model import ChartCard, ChartKind
from render_service.domain.layers.model import Layer

_KINDS = {ChartKind.BAR: bar_chart.layers, ChartKind.LINE: line_chart.layers, ChartKind.DONUT: donut_chart.layers}


def layers(card: ChartCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a chart."""
    return _KINDS[card.kind](card, stage)
