"""Draws captions and watermarks: each is made once for every look that it has, and blended into its own rectangle."""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.frames.overlay import Overlay, faded, overlay_from_rgba
from render_service.compositor.frames.planes import Planes
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.captions import DrawnCaption
from render_service.compositor.segments.marks import DrawnMark
from render_service.compositor.segments.shared_files import made_once


class CaptionPainter:
    """Draws one caption. Keeps one drawing at a time.

    Args:
        caption: The caption.
        frame: Width and height of the frames in pixels.
        fps: Frames per second.
    """

    def __init__(self, caption: DrawnCaption, frame: tuple[int, int], fps: int) -> None:
        self._caption = caption
        self._overlay: Callable[[int, Planes], Overlay | None]
        if caption.fmt.look is None:
            self._overlay = _PlainCaption(caption, frame).overlay
        else:
            look = LookPainter(caption.text, caption.words, caption.fmt, size=frame, fps=fps, area=caption.area)
            self._overlay = look.overlay

    def draw(self, number: int, target: Planes) -> None:
        """Draw what is to be read in a frame in which it is seen."""
        overlay = self._overlay(number, target)
        if overlay is not None:
            opacity = self._caption.opacity(number)
            shown = overlay if opacity >= 1 else faded(overlay, opacity)
            shown.blend(target.y, target.u, target.v)

    def close(self) -> None:
        """Hold no file."""


class _PlainCaption:
    """A caption without a preset, in which the word that is spoken may be marked."""

    def __init__(self, caption: DrawnCaption, frame: tuple[int, int]) -> None:
        self._caption = caption
        self._frame = frame
        self._drawn: tuple[int | None, Overlay | None] | None = None

    def overlay(self, number: int, _under: Planes) -> Overlay | None:
        """Return the drawing for a frame; None where there is nothing to draw."""
        caption = self._caption
        word = next((n for n, span in enumerate(caption.words) if span.start <= number < span.end), None)
        if self._drawn is None or self._drawn[0] != word:
            letters: list[int | None] | None = None
            if caption.words:
                letters = [None] * len(caption.text)
                for n, span in enumerate(caption.words):
                    letters[span.first : span.last] = [n] * (span.last - span.first)
            drawn = draw_caption(
                caption.text, *self._frame, caption.fmt, words=letters, highlighted=word, area=caption.area
            )
            self._drawn = word, drawn
        return self._drawn[1]


class MarkPainter:
    """Draws one watermark.

    Args:
        mark: The watermark.
        assets: Local files by content hash.
        workdir: A folder that all segments of the render share: its file is decoded once for all of them.
    """

    def __init__(self, mark: DrawnMark, assets: Mapping[str, Asset], workdir: Path) -> None:
        self._overlay = draw_mark(mark, assets, workdir)

    def draw(self, _frame: int, target: Planes) -> None:
        """Draw the watermark."""
        self._overlay.blend(target.y, target.u, target.v)

    def close(self) -> None:
        """Hold no file."""


def draw_mark(mark: DrawnMark, assets: Mapping[str, Asset], workdir: Path) -> Overlay:
    """Return a watermark as an overlay; see `MarkPainter`."""
    size = (mark.area.width, mark.area.height)
    name = hashlib.sha256(repr((mark.mark, size, mark.largest)).encode()).hexdigest()

    def make(path: Path) -> None:
        partial = path.with_suffix(f".{os.getpid()}.part")
        with partial.open("wb") as file:
            np.save(file, _scaled(load_image(assets[mark.mark], contain=mark.largest), size, shrinks=mark.shrinks))
        partial.replace(path)

    drawing = np.load(made_once(workdir / f"{name[:32]}.watermark", make), allow_pickle=False)
    return overlay_from_rgba(drawing * np.float32(mark.opacity), mark.area.x, mark.area.y)


def _scaled(pixels: NDArray[np.uint8], size: tuple[int, int], *, shrinks: bool) -> NDArray[np.float32]:
    """Return a picture at another size: (height, width, 4), RGB times opacity and opacity, 0–1."""
    height, width = pixels.shape[:2]
    straight = pixels.astype(np.float32) / 255
    if straight.shape[2] == 3:
        straight = np.dstack((straight, np.ones((height, width), np.float32)))
    # Scaled with colours times opacity: invisible pixels must not lend their colour to the edges.
    straight[..., :3] *= straight[..., 3:]
    drawing = cv2.resize(straight, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(drawing, np.float32)
