"""Draws Lottie animations with ThorVG, which the extra `lottie` installs."""

import math
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.lotties.document import LottieDocument, LottieError

MAX_PIXELS = 8_300_000
"""Of a frame: 3840 × 2160. What would be larger is drawn coarser."""
PACKAGE = "thorvg_cython"
_STRAIGHT_RGBA = 2


class LottieMissing(Exception):
    """The extra `lottie` is not installed."""


def is_installed() -> bool:
    """Return whether animations can be drawn here."""
    return find_spec(PACKAGE) is not None


def covering_size(document: LottieDocument, cover: tuple[int, int]) -> tuple[int, int]:
    """Return width and height in pixels at which an animation covers a size, keeping its aspect ratio."""
    width, height = document.width, document.height
    scale = max(cover[0] / width, cover[1] / height)
    scale = min(scale, math.sqrt(MAX_PIXELS / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


class LottiePlayer:
    """Draws the frames of an animation.

    Args:
        document: The animation.

    Raises:
        LottieMissing: The extra `lottie` is not installed.
    """

    def __init__(self, document: LottieDocument) -> None:
        if not is_installed():
            raise LottieMissing
        self._document = document
        self._engine = _engine()
        self._size: tuple[int, int] | None = None
        self._animation: Any = None
        self._canvas: Any = None

    def draw(self, frame: float, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Draw a frame.

        Args:
            frame: Its number in the animation, from 0; fractions lie between frames.
            size: Width and height in pixels.

        Returns:
            (height, width, 4) sRGB with straight alpha.

        Raises:
            LottieError: It cannot be drawn.
        """
        if self._size != size:
            self._open(size)
        self._animation.set_frame(frame)
        self._canvas.update()
        if self._canvas.draw(True) != 0 or self._canvas.sync() != 0:
            raise LottieError("the animation cannot be drawn; export it again")
        pixels = np.frombuffer(self._canvas, np.uint8)
        return pixels.reshape(size[1], size[0], 4).copy()

    def _open(self, size: tuple[int, int]) -> None:
        from thorvg_cython import LottieAnimation, SwCanvas  # noqa: PLC0415 - only where it is installed

        # The canvas draws what the animation holds: it goes first.
        self._canvas = self._animation = None
        animation = LottieAnimation()
        picture = animation.get_picture()
        canvas = SwCanvas(*size, _STRAIGHT_RGBA)
        loaded = picture.load_data(self._document.content, "lottie+json", "", True)
        if loaded != 0 or picture.set_size(*size) != 0 or canvas.add(picture) != 0:
            raise LottieError("the animation cannot be read; export it again")
        self._animation, self._canvas, self._size = animation, canvas, size


@cache
def _engine() -> Any:
    from thorvg_cython import Engine  # noqa: PLC0415

    # Without threads of its own: there are as many processes as cores already.
    return Engine(0)
