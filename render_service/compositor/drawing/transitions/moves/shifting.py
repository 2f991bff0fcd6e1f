"""Moves the new shot into the frame from one side, by whole pixels of chroma."""

from render_service.compositor.drawing.transitions.effect import Moment, oriented, smooth


def shift(moment: Moment, *, old_moves: bool) -> None:
    """Draw one frame of a slide or, if the old shot moves too, of a push."""
    olds, news, drawn = (oriented(planes, moment.direction) for planes in (moment.old, moment.new, moment.target))
    chroma_edge = round(drawn[1].shape[1] * (1 - smooth(moment.done)))
    for before, after, to, edge in zip(olds, news, drawn, (2 * chroma_edge, chroma_edge, chroma_edge), strict=True):
        side = to.shape[1]
        to[:, :edge] = before[:, side - edge :] if old_moves else before[:, :edge]
        to[:, edge:] = after[:, : side - edge]
