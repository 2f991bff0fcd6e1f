"""Scenes of layers over a small frame, and how they are drawn."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.canvas import to_planes
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.layers import drawn_layers
from render_service.domain.layers.model import Layer, layer_field

Rgb = NDArray[np.uint8]
FPS = 30


def backdrop(width: int, height: int) -> Planes:
    """A frame with soft colours, from blue to orange and from dark to light."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rgb = np.dstack((60 + 150 * x, 70 + 90 * y, 180 - 120 * x)).astype(np.uint8)
    return to_planes(np.ascontiguousarray(rgb))


def drawn(
    layers: Sequence[Layer],
    size: tuple[int, int] = (192, 108),
    *,
    frame: int = 0,
    frames: int = 90,
    under: Planes | None = None,
    files: Mapping[int, Path] | None = None,
) -> Planes:
    """Return a frame with layers over it; `files` are those of layers, by their place in the list."""
    hashes = {layer_field(index, layers[index]): path.name for index, path in (files or {}).items()}
    assets = {path.name: Asset(path, layer_field(index, layers[index])) for index, path in (files or {}).items()}
    target = under or backdrop(*size)
    with closing(LayersPainter(drawn_layers(layers, frames, FPS, hashes, ""), size, FPS, assets)) as painter:
        painter.draw(frame, target)
    return target


def to_rgb(planes: Planes) -> Rgb:
    """Return a frame as full-range sRGB (ITU-R BT.709-6)."""
    y = (planes.y.astype(np.float32) - 16) * (255 / 219)
    half = [(plane.astype(np.float32) - 128) * (255 / 224) for plane in (planes.u, planes.v)]
    u, v = (cv2.resize(plane, y.shape[::-1], interpolation=cv2.INTER_NEAREST) for plane in half)
    rgb = np.dstack((y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u))
    return np.asarray(np.rint(np.clip(rgb, 0, 255)), np.uint8)
