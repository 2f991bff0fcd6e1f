"""A video frame in memory: three planes of limited-range BT.709 YUV 4:2:0."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

BLACK = (16, 128, 128)
WHITE = (235, 128, 128)


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """A frame: luma of shape (height, width), both chroma planes (height / 2, width / 2); strides may be padded."""

    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def empty(cls, width: int, height: int) -> Self:
        """Return uninitialised planes of an even size in pixels."""
        half = (height // 2, width // 2)
        return cls(np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))

    @property
    def width(self) -> int:
        """Width in luma pixels."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Height in luma pixels."""
        return int(self.y.shape[0])

    def all(self) -> tuple[Plane, Plane, Plane]:
        """Return luma and both chroma planes."""
        return self.y, self.u, self.v

    def fill(self, colour: tuple[int, int, int]) -> None:
        """Paint every pixel in one colour, given as Y, Cb, Cr."""
        for plane, value in zip(self.all(), colour, strict=True):
            plane[:] = value

    def copy_from(self, other: "Planes") -> None:
        """Copy the pixels of a frame of the same size."""
        for target, source in zip(self.all(), other.all(), strict=True):
            np.copyto(target, source)
