"""Quote: large letters after a quotation mark, the author below or beside a portrait."""

from collections.abc import Iterator

from render_service.compositor.cards.stage import Stage
from render_service.domain.cards.model import QuoteCard
from render_service.domain.layers.model import AnimationUnit, Layer, ShapeKind, Stroke

_MARK = "M0 100V52Q0 0 42 0V21Q25 24 25 50H42V100ZM58 100V52Q58 0 100 0V21Q83 24 83 50H100V100Z"
_MIRRORED = "M100 100V52Q100 0 58 0V21Q75 24 75 50H58V100ZM42 100V52Q42 0 0 0V21Q17 24 17 50H0V100Z"
_MEASURE = 21


def layers(card: QuoteCard, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a quote."""
    theme, is_wide = stage.theme, stage.is_wide
    gap, mark = stage.px(0.045), stage.px(0.085)
    portrait = min(0.62 * stage.height, 0.26 * stage.width) if is_wide else min(stage.px(0.26), 0.22 * stage.height)
    portrait = portrait if card.picture_uri else 0.0
    beside = portrait + 1.6 * gap if portrait and is_wide else 0.0
    column = min(stage.width - beside, _MEASURE * stage.px(0.085))
    author = stage.set(card.author, column, 0.046, weight=700, height=0.14 * stage.height) if card.author else None
    role = stage.set(card.role, column, 0.036, weight=500, height=0.14 * stage.height) if card.role else None
    named = (author.height if author else 0.0) + (role.height if role else 0.0)
    head = portrait if portrait and not is_wide else mark
    rest = head + gap + (named + 1.2 * gap if named else 0.0)
    size, weight = (0.088, 600) if is_wide else (0.1, 700)
    text = stage.set_large(card.text, column, size, weight=weight, height=stage.height - rest, leading=1.28)
    column = (
        min(column, max(text.width, author.width if author else 0.0, role.width if role else 0.0))
        if is_wide
        else column
    )
    total = rest + text.height
    x, y = (stage.width - beside - column) / 2, (stage.height - total) / 2
    align = "start" if is_wide else "center"
    if portrait:
        place = (x, (stage.height - portrait) / 2) if is_wide else ((stage.width - portrait) / 2, y)
        ring = Stroke(theme.accent, 0.008)
        yield stage.picture(
            "card.quote.picture_uri", *place, portrait, portrait, radius=portrait / 2, stroke=ring, **stage.pop(0)
        )
    x += beside
    if not portrait or is_wide:
        left = x if is_wide else x + (column - mark) / 2
        path = _MIRRORED if stage.mirrored else _MARK
        yield stage.shape(left, y, mark, 0.82 * mark, theme.accent, kind=ShapeKind.PATH, path=path, **stage.pop(0.1))
    y += head + gap
    yield stage.text(text, x, y, column, theme.ink, align=align, **stage.rise(0.3, by=AnimationUnit.WORD, seconds=1.1))
    y += text.height + 1.2 * gap
    if author:
        yield stage.text(author, x, y, column, theme.accent_ink, align=align, **stage.rise(1.2))
        y += author.height
    if role:
        yield stage.text(role, x, y, column, theme.muted, align=align, **stage.rise(1.4))
