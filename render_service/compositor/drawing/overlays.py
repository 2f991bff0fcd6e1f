"""Draws captions and the watermark onto frames: each is made once and blended into its rectangle."""

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.captions.drawing import draw_caption
from render_service.compositor.captions.layout import caption_area
from render_service.compositor.captions.look_drawing import LookPainter
from render_service.compositor.captions.safe_areas import Rect
from render_service.compositor.drawing.free_rows import clear_of
from render_service.compositor.drawing.shared_files import made_once
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.overlay import Overlay, faded, overlay_from_rgba
from render_service.compositor.frames.planes import Planes
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.spec import CueLayer, WatermarkLayer
from render_service.domain.projects.project import Corner

# Free space around a watermark, as a part of the frame's shorter side.
_MARGIN = 0.045


@dataclass(slots=True)
class _Drawn:
    number: int
    word: int | None
    overlay: Overlay | None


class CuePainter:
    """Draws the captions of a segment. Keeps one drawing at a time.

    Args:
        cues: The segment's captions.
        picture: Form of the frames.
        mark: The watermark, which captions do not touch; None without one.
    """

    def __init__(self, cues: tuple[CueLayer, ...], picture: PictureFormat, mark: Overlay | None = None) -> None:
        self._cues = cues
        self._picture = picture
        self._mark = None if mark is None else Rect(mark.x, mark.y, mark.width, mark.height)
        self._drawn: _Drawn | None = None
        self._painter: tuple[int, LookPainter] | None = None

    def draw(self, frame: int, target: Planes) -> None:
        """Draw what is to be read in a frame of the segment, counted from 0."""
        for number, cue in enumerate(self._cues):
            if cue.start <= frame < cue.end:
                if cue.fmt.look is None:
                    overlay = self._overlay(number, cue, frame)
                else:
                    overlay = self._look(number, cue).overlay(frame, target)
                if overlay is None:
                    continue
                opacity = cue.opacity(frame)
                shown = overlay if opacity >= 1 else faded(overlay, opacity)
                shown.blend(target.y, target.u, target.v)

    def close(self) -> None:
        """Hold no file."""

    def _area(self, cue: CueLayer) -> Rect:
        """Return where a caption may stand: clear of the watermark and of layers."""
        size = (self._picture.width, self._picture.height)
        area = caption_area(*size, cue.fmt, self._mark)
        return clear_of(area, cue.blocked, cue.fmt, size) if cue.blocked else area

    def _look(self, number: int, cue: CueLayer) -> LookPainter:
        if self._painter is None or self._painter[0] != number:
            size = (self._picture.width, self._picture.height)
            area = self._area(cue)
            painter = LookPainter(cue.text, cue.words, cue.fmt, size=size, fps=self._picture.fps, area=area)
            self._painter = number, painter
        return self._painter[1]

    def _overlay(self, number: int, cue: CueLayer, frame: int) -> Overlay | None:
        word = next((n for n, span in enumerate(cue.words) if span.start <= frame < span.end), None)
        drawn = self._drawn
        if drawn is None or (drawn.number, drawn.word) != (number, word):
            letters: list[int | None] | None = None
            if cue.words:
                letters = [None] * len(cue.text)
                for n, span in enumerate(cue.words):
                    letters[span.first : span.last] = [n] * (span.last - span.first)
            size = (self._picture.width, self._picture.height)
            area = self._area(cue)
            overlay = draw_caption(cue.text, *size, cue.fmt, words=letters, highlighted=word, area=area)
            self._drawn = drawn = _Drawn(number, word, overlay)
        return drawn.overlay


class WatermarkPainter:
    """Draws a watermark onto every frame."""

    def __init__(self, mark: Overlay) -> None:
        self._mark = mark

    def draw(self, _frame: int, target: Planes) -> None:
        """Draw the watermark."""
        self._mark.blend(target.y, target.u, target.v)

    def close(self) -> None:
        """Hold no file."""


def draw_watermark(mark: WatermarkLayer, picture: PictureFormat, assets: Mapping[str, Asset], workdir: Path) -> Overlay:
    """Return a watermark as an overlay: inside a margin, at most a quarter of the frame high.

    Its file is decoded once for all segments of a render, which share the work folder.
    """
    name = hashlib.sha256(repr((mark.watermark, mark.scale, picture.width, picture.height)).encode()).hexdigest()

    def make(path: Path) -> None:
        partial = path.with_suffix(f".{os.getpid()}.part")
        with partial.open("wb") as file:
            np.save(file, _scaled_watermark(mark, picture, assets[mark.watermark]))
        partial.replace(path)

    drawing = np.load(made_once(workdir / f"{name[:32]}.watermark", make), allow_pickle=False)
    height, width = drawing.shape[:2]
    margin = round(_MARGIN * min(picture.width, picture.height))
    right, bottom = picture.width - margin - width, picture.height - margin - height
    x = margin if mark.corner in (Corner.TOP_LEFT, Corner.BOTTOM_LEFT) else right
    y = margin if mark.corner in (Corner.TOP_LEFT, Corner.TOP_RIGHT) else bottom
    return overlay_from_rgba(drawing * np.float32(mark.opacity), max(0, x) // 2 * 2, max(0, y) // 2 * 2)


def _scaled_watermark(mark: WatermarkLayer, picture: PictureFormat, asset: Asset) -> NDArray[np.float32]:
    """Return a watermark at its size in the frame: (height, width, 4), RGB times opacity and opacity, 0–1."""
    # No larger than it can be drawn: a logo may be exported at any size.
    largest = (math.ceil(mark.scale * picture.width), math.ceil(picture.height / 4))
    pixels = load_image(asset, contain=largest)
    height, width = pixels.shape[:2]
    scale = min(mark.scale * picture.width / width, picture.height / 4 / height)
    size = tuple(max(2, round(side * scale) // 2 * 2) for side in (width, height))
    straight = pixels.astype(np.float32) / 255
    if straight.shape[2] == 3:
        straight = np.dstack((straight, np.ones((height, width), np.float32)))
    # Scaled with colours times opacity: invisible pixels must not lend their colour to the edges.
    straight[..., :3] *= straight[..., 3:]
    drawing = cv2.resize(straight, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(drawing, np.float32)
