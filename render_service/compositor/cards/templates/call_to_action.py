"""Call to action: a logo, an invitation, a button that beats, and where to go."""

from collections.abc import Iterator
from datetime import timedelta

from render_service.compositor.cards.stage import Stage
from render_service.domain.cards.model import CallToActionCard
from render_service.domain.layers.model import AnimationUnit, BoxFit, Keyframe, Layer

_MEASURE = 15


def layers(card: CallToActionCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a call to action."""
    theme, gap = stage.theme, stage.px(0.05)
    logo = min(stage.px(0.2), 0.24 * stage.height) if card.logo_uri else 0.0
    column = min(stage.width, _MEASURE * stage.px(0.105))
    inner = min(stage.width, stage.px(1.0)) - stage.px(0.14)
    button = (
        stage.set(card.button, inner, 0.056, weight=700, height=0.16 * stage.height, lines=2) if card.button else None
    )
    pill = (button.width + stage.px(0.14), button.height + stage.px(0.055)) if button else (0.0, 0.0)
    handle = stage.set(card.handle, stage.width, 0.046, weight=600, height=0.12 * stage.height) if card.handle else None
    rest = (
        (logo + gap if logo else 0.0)
        + (pill[1] + gap if button else 0.0)
        + (handle.height + 0.8 * gap if handle else 0.0)
    )
    text = stage.set_large(card.text, column, 0.105, weight=800, height=stage.height - rest, leading=1.18)
    y, left = (stage.height - rest - text.height) / 2, (stage.width - column) / 2
    if logo:
        width = min(2.4 * logo, stage.width)
        field = "card.call_to_action.logo_uri"
        yield stage.picture(field, (stage.width - width) / 2, y, width, logo, fit=BoxFit.CONTAIN, **stage.pop(0))
        y += logo + gap
    rise = stage.rise(0.2, by=AnimationUnit.WORD, seconds=0.9)
    yield stage.text(text, left, y, column, theme.ink, align="center", **rise)
    y += text.height + gap
    if button:
        x, beats = (stage.width - pill[0]) / 2, _beats(stage)
        yield stage.shape(x, y, *pill, theme.accent, radius=pill[1] / 2, keyframes=beats, **stage.pop(0.9))
        top = y + (pill[1] - button.height) / 2
        words = stage.pop(0.9) | {"keyframes": beats}
        yield stage.text(button, x, top, pill[0], theme.on_accent, align="center", **words)
        y += pill[1] + 0.8 * gap
    if handle:
        yield stage.text(handle, 0, y, stage.width, theme.ink, align="center", **stage.rise(1.3))


def _beats(stage: Stage) -> tuple[Keyframe, ...]:
    """Return keyframes that let the button swell every second and a half while it is there."""
    count = min(12, int(max(0.0, stage.seconds - 1.6) / 1.5))
    times = (stage.span(0.9) + timedelta(seconds=0.6 + 1.5 * number) for number in range(count))
    return tuple(
        Keyframe(time + timedelta(seconds=later), scale=scale)
        for time in times
        for later, scale in ((0.0, 1.0), (0.25, 1.05), (0.6, 1.0))
    )
