"""Encodes segments as a GIF with one palette for the whole animation."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from render_service.compositor.encoding.encoder import decoded_frames

Picture = NDArray[np.uint8]

# GIF counts time in hundredths of a second.
_TICK = Fraction(1, 100)
# The last color is transparent: the encoder writes it where a picture equals the one before.
_COLORS = 255
_SAMPLES = 16
_SAMPLE_WIDTH = 96
# Bits of each channel by which the nearest color is looked up.
_BITS = 6
_DROPPED = 8 - _BITS
# Largest threshold of the dither; on average it adds half of that, which the look-up takes off again.
_AMPLITUDE = 10


def write_gif(segments: Sequence[Path], fps: int, frames: int, path: Path) -> None:
    """Write a GIF that loops forever.

    Segments are decoded twice, once for the palette and once for the frames, so memory does not grow with length.

    Args:
        segments: The segment files in order.
        fps: Frames per second.
        frames: How many frames they have.
        path: The file to write.
    """
    palette = _Palette.of(segments, frames)
    with av.open(str(path), "w", format="gif", options={"loop": "0"}) as output:
        stream = output.add_stream("gif", rate=fps)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "pal8"
        for number, frame in enumerate(decoded_frames(segments)):
            if number == 0:
                stream.width, stream.height = frame.width, frame.height
                stream.codec_context.time_base = _TICK
            drawn = palette.draw(np.asarray(frame.reformat(format="rgb24").to_ndarray(), np.uint8))
            drawn.pts, drawn.time_base = round(number * 100 / fps), _TICK
            output.mux(stream.encode(drawn))
        output.mux(stream.encode(None))


class _Palette:
    """The colors of an animation, and which of them is nearest to any color.

    Args:
        colors: Red, green and blue of each color: (`_COLORS`, 3).
    """

    def __init__(self, colors: Picture) -> None:
        self._entries = np.zeros((256, 4), np.uint8)  # blue, green, red, alpha
        self._entries[:_COLORS, 3] = 255
        self._entries[:_COLORS, :3] = colors[:, ::-1]
        self._nearest = _nearest_colors(colors)
        self._thresholds: Picture | None = None

    @classmethod
    def of(cls, segments: Sequence[Path], frames: int) -> Self:
        """Choose the colors of an animation from some of its frames, evenly spread."""
        step = max(1, frames // _SAMPLES)
        samples = []
        for number, frame in enumerate(decoded_frames(segments)):
            if number % step == 0:
                width = min(_SAMPLE_WIDTH, frame.width)
                height = max(1, round(frame.height * width / frame.width))
                samples.append(frame.reformat(width, height, "rgb24").to_ndarray())
        picture = Image.fromarray(np.concatenate(samples))
        chosen = picture.quantize(_COLORS, Image.Quantize.MEDIANCUT, kmeans=1).getpalette() or []
        colors = np.zeros((_COLORS, 3), np.uint8)
        colors[: len(chosen) // 3] = np.asarray(chosen, np.uint8).reshape(-1, 3)[:_COLORS]
        return cls(colors)

    def draw(self, picture: Picture) -> VideoFrame:
        """Return a picture (height, width, 3) in these colors, with an ordered dither, which stands still."""
        if self._thresholds is None:
            height, width = picture.shape[:2]
            tile = np.repeat(_bayer()[:, :, None], 3, axis=2)
            self._thresholds = np.tile(tile, (-(-height // 8), -(-width // 8), 1))[:height, :width]
        levels = np.asarray(cv2.add(picture, self._thresholds), np.uint8) >> _DROPPED
        places = levels[:, :, 0].astype(np.int32) << 2 * _BITS
        places |= levels[:, :, 1].astype(np.int32) << _BITS
        places |= levels[:, :, 2]
        drawn = VideoFrame(picture.shape[1], picture.shape[0], "pal8")
        indices, entries = drawn.planes
        rows = np.frombuffer(memoryview(indices), np.uint8).reshape(indices.height, indices.line_size)
        rows[:, : indices.width] = self._nearest.take(places)
        entries.update(self._entries.tobytes())
        return drawn


def _nearest_colors(colors: Picture) -> Picture:
    """Return the number of the nearest color for each color of `_BITS` bits a channel."""
    levels = (np.arange(1 << _BITS) + 0.5) * (1 << _DROPPED) - _AMPLITUDE / 2
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    every = Image.fromarray(np.clip(cube, 0, 255).astype(np.uint8).reshape(1 << _BITS, -1, 3))
    palette = Image.new("P", (1, 1))
    # Pillow takes colors that are not there for black ones.
    palette.putpalette(np.concatenate((colors, colors[:1])).tobytes())
    found = every.quantize(palette=palette, dither=Image.Dither.NONE)
    return np.asarray(found, np.uint8).reshape(-1) % _COLORS


def _bayer() -> Picture:
    """Return Bayer's 8 × 8 thresholds, 0 to `_AMPLITUDE`."""
    order = np.zeros((1, 1), np.int64)
    for _ in range(3):
        order = np.block([[4 * order, 4 * order + 2], [4 * order + 3, 4 * order + 1]])
    return np.asarray((order + 0.5) * _AMPLITUDE / 64, np.uint8)
