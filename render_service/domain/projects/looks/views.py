"""Parts of a picture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureView:
    """A rectangle of a picture, from the top left, as fractions of its sides."""

    x: float = 0.0
    y: float = 0.0
    width: float = 1.0
    height: float = 1.0
