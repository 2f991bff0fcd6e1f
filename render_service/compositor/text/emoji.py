"""Pictures of emoji, from the bitmaps of the colour font."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from render_service.compositor.text.fonts import COLOR_EMOJI, COLOR_EMOJI_SIZE, load_font
from render_service.compositor.text.typesetting import Line

# In em: how far the bitmaps reach above and below the baseline.
_ABOVE, _BELOW = 101 / COLOR_EMOJI_SIZE, 27 / COLOR_EMOJI_SIZE


@dataclass(frozen=True, slots=True, eq=False)
class EmojiPicture:
    """An emoji, or several in a row, in a drawing.

    Args:
        pixels: Red, green and blue, each times opacity, and opacity, 0–255, shape (height, width, 4).
        x: Left edge in the drawing, in pixels; may lie outside.
        y: Top edge.
    """

    pixels: NDArray[np.uint8]
    x: int
    y: int

    def within(self, width: int, height: int) -> tuple[tuple[slice, slice], NDArray[np.uint8]]:
        """Return rows and columns of a drawing of a size that it covers, and the pixels there."""
        top, left = max(0, self.y), max(0, self.x)
        bottom, right = min(height, self.y + self.pixels.shape[0]), min(width, self.x + self.pixels.shape[1])
        rows, columns = slice(top, max(top, bottom)), slice(left, max(left, right))
        part = self.pixels[rows.start - self.y : rows.stop - self.y, columns.start - self.x : columns.stop - self.x]
        return (rows, columns), part


def emoji_of(line: Line, x: float, baseline: float, *, word: int | None = None) -> Iterator[EmojiPicture]:
    """Yield the emoji of a line; the arguments are those of `typesetting.draw_line`."""
    for run in line.runs:
        if run.face == COLOR_EMOJI and (word is None or run.word == word):
            top = round(baseline - _ABOVE * line.kind.size)
            yield EmojiPicture(_picture(run.text, line.kind.size), round(x + run.x), top)


def put_emoji(channels: Sequence[NDArray[np.float32]], line: Line, x: float, baseline: float) -> None:
    """Put the emoji of a line in place of what stands there, in channels 0–1 of red, green and blue times opacity."""
    height, width = channels[0].shape
    for emoji in emoji_of(line, x, baseline):
        place, pixels = emoji.within(width, height)
        seen = pixels[..., 3] > 0
        for number, channel in enumerate(channels):
            channel[place][seen] = pixels[..., number][seen] * np.float32(1 / 255)


def lay_emoji(drawing: NDArray[np.float32], line: Line, x: float, baseline: float) -> None:
    """Lay the emoji of a line over a drawing of shape (height, width, 4), 0–1, with colours times opacity."""
    for emoji in emoji_of(line, x, baseline):
        place, pixels = emoji.within(drawing.shape[1], drawing.shape[0])
        upper = pixels.astype(np.float32) * np.float32(1 / 255)
        drawing[place] *= 1 - upper[..., 3:]
        drawing[place] += upper


def mask_emoji(mask: Image.Image, line: Line, x: float, baseline: float, word: int | None = None) -> None:
    """Draw the outlines of the emoji of a line into an opacity mask."""
    canvas = ImageDraw.Draw(mask)
    for emoji in emoji_of(line, x, baseline, word=word):
        canvas.bitmap((emoji.x, emoji.y), Image.fromarray(emoji.pixels[..., 3]), fill=255)


@lru_cache(maxsize=256)
def _picture(text: str, size: int) -> NDArray[np.uint8]:
    font = load_font(COLOR_EMOJI, size, 400)
    width = max(1, round(font.getlength(text)))
    above, below = round(_ABOVE * COLOR_EMOJI_SIZE), round(_BELOW * COLOR_EMOJI_SIZE)
    image = Image.new("RGBA", (width, above + below))
    ImageDraw.Draw(image).text((0, above), text, font=font, anchor="ls", embedded_color=True)
    straight = np.asarray(image).astype(np.uint16)
    straight[..., :3] = (straight[..., :3] * straight[..., 3:] + 127) // 255
    scale = size / COLOR_EMOJI_SIZE
    wanted = (max(1, round(width * scale)), max(1, round((above + below) * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(straight.astype(np.uint8), wanted, interpolation=way), np.uint8)
