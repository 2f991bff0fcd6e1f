"""ZOOM_OUT: the view draws back from the old shot, and the new one settles from close up."""

from render_service.compositor.drawing.transitions.effect import Moment, between, mix
from render_service.compositor.drawing.transitions.warping import placed


def draw(moment: Moment) -> None:
    """Draw one frame."""
    share = between(moment.done, 0.3, 0.7)
    olds = placed(moment.old, scale=1 - 0.35 * moment.done**2)
    news = placed(moment.new, scale=1 + 0.9 * (1 - moment.done) ** 2)
    for before, after, to in zip(olds, news, moment.target.all(), strict=True):
        mix(before, after, share, to)
