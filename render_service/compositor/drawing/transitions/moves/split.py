"""SPLIT: the old shot parts in the middle, and its halves slide away."""

from render_service.compositor.drawing.transitions.effect import Moment, smooth


def draw(moment: Moment) -> None:
    """Draw one frame."""
    for before, after, to in moment.planes():
        if moment.is_upright:
            before, after, to = before.T, after.T, to.T  # noqa: PLW2901 - the same planes, turned
        half = to.shape[1] // 2
        gone = round(half * smooth(moment.done))
        to[:] = after
        to[:, : half - gone] = before[:, gone:half]
        to[:, half + gone :] = before[:, half : to.shape[1] - gone]
