"""ZOOM_IN: the view flies into the old shot and out of its depth into the new one."""

from render_service.compositor.drawing.transitions.effect import Moment, between, mix
from render_service.compositor.drawing.transitions.warping import placed


def draw(moment: Moment) -> None:
    """Draw one frame."""
    share = between(moment.done, 0.3, 0.7)
    olds = placed(moment.old, scale=1 + 0.9 * moment.done**2)
    news = placed(moment.new, scale=1 - 0.35 * (1 - moment.done) ** 2)
    for before, after, to in zip(olds, news, moment.target.all(), strict=True):
        mix(before, after, share, to)
