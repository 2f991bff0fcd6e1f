"""Lower third: a panel near the foot of the picture with a name and a role."""

from collections.abc import Iterator
from dataclasses import replace

from render_service.compositor.cards.stage import Stage
from render_service.domain.cards.model import LowerThirdCard
from render_service.domain.layers.model import Animation, AnimationKind, Layer


def layers(card: LowerThirdCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a lower third."""
    theme, pad, bar = stage.theme, stage.px(0.034), stage.px(0.012)
    column = min(stage.width, stage.px(1.05)) - 2 * pad - bar
    role = stage.set(card.role, column, 0.038, weight=500, height=0.25 * stage.height, lines=2) if card.role else None
    name = stage.set(card.name, column, 0.058, weight=700, height=0.4 * stage.height, lines=2)
    between = stage.px(0.006)
    width = max(name.width, role.width if role else 0.0) + 2 * pad + bar
    height = name.height + (role.height + between if role else 0.0) + 1.5 * pad
    y = stage.height - height
    yield _leaving(stage, stage.shape(0, y, width, height, theme.panel, **stage.wipe(0.1)))
    yield _leaving(stage, stage.shape(0, y, bar, height, theme.accent, **stage.wipe(0, 0.4)))
    x, y = bar + pad, y + 0.75 * pad
    yield _leaving(stage, stage.text(name, x, y, width - bar - 2 * pad, theme.ink, **stage.rise(0.35)))
    if role:
        y += name.height + between
        yield _leaving(stage, stage.text(role, x, y, width - bar - 2 * pad, theme.muted, **stage.rise(0.5)))


def _leaving(stage: Stage, layer: Layer) -> Layer:
    """Return a layer that goes before the shot ends, as it came."""
    kind = AnimationKind.WIPE if layer.shape else AnimationKind.FADE
    direction = layer.enter.direction if layer.enter and layer.shape else None
    return replace(layer, exit=Animation(kind, duration=stage.span(0.4), direction=direction))
