"""Decides how a picture of another shape fills the frame where the project leaves it open."""

from render_service.domain.projects.project import Fit

# A portrait picture of which a landscape frame would show a smaller part loses heads.
_LEAST_SHOWN = 0.6

CENTRE = (0.5, 0.5)
"""The focus of a picture for which none is given."""


def decided_fit(
    fit: Fit | None, picture: tuple[float, float], frame: tuple[int, int], focus: tuple[float, float] = CENTRE
) -> Fit:
    """Return how a picture fills a frame: as asked, else COVER unless that would cut off the heads of a portrait.

    Args:
        fit: What the project asks for; None leaves it open.
        picture: Width and height of the picture, as displayed.
        frame: Width and height of the frame.
        focus: The point to keep in view, as fractions of width and height. Who gives one knows which part is seen.
    """
    if fit is not None:
        return fit
    if focus != CENTRE:
        return Fit.COVER
    shape, wanted = picture[0] / picture[1], frame[0] / frame[1]
    return Fit.BLUR if shape < 1 < wanted and shape / wanted < _LEAST_SHOWN else Fit.COVER
