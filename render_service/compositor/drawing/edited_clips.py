"""Plays a clip as its shot wants it: a part of it, faster or slower, backwards, again and again, mirrored."""

from collections import deque

import numpy as np

from render_service.compositor.frames.planes import Planes
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.domain.projects.looks.clips import ClipFlip, Playback

# Frames that are kept while a clip is played backwards take at most so many bytes, and are at most so many.
_MOST_BYTES, _MOST_FRAMES = 64_000_000, 48


class EditedClip:
    """Reads the frames of an edited clip in order.

    Args:
        asset: The clip.
        form: Format of the frames; its rate is that of the video.
        playback: How it is played.
        first: Number of the first frame of the shot to read.

    Raises (when read):
        RenderFailure: ASSET_INVALID where the clip cannot be decoded.
    """

    def __init__(self, asset: Asset, form: FrameFormat, playback: Playback, *, first: int = 0) -> None:
        self._asset, self._playback = asset, playback
        self._form = FrameFormat(
            form.width, form.height, form.fps / playback.speed, form.fit, form.focus, playback.crop
        )
        self._number = first
        self._reader: ClipReader | None = None
        self._next = -1
        self._shown: tuple[int, Planes] | None = None
        self._backwards: deque[tuple[int, Planes]] = deque()

    def close(self) -> None:
        """Close the clip's file; may be called twice."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def read(self) -> Planes:
        """Return the next frame. The arrays may be those of the frame before: do not draw into them."""
        wanted = self._playback.frame_of(self._number)
        self._number += 1
        if self._shown is None or self._shown[0] != wanted:
            frame = self._backward(wanted) if self._playback.reverse else self._forward(wanted)
            self._shown = wanted, _flipped(frame, self._playback.flip)
        return self._shown[1]

    def _forward(self, wanted: int) -> Planes:
        if self._reader is None or wanted != self._next:
            self.close()
            self._reader = ClipReader(self._asset, self._form, first=wanted, start=self._playback.start / 1_000_000)
        self._next = wanted + 1
        return self._reader.read()

    def _backward(self, wanted: int) -> Planes:
        """Return a frame of a clip that is read backwards, a stretch at a time."""
        while self._backwards and self._backwards[-1][0] != wanted:
            self._backwards.pop()
        if not self._backwards:
            size = self._form.width * self._form.height * 3 // 2
            first = max(0, wanted + 1 - min(_MOST_FRAMES, max(1, _MOST_BYTES // size)))
            for number in range(first, wanted + 1):
                self._backwards.append((number, self._forward(number)))
        return self._backwards.pop()[1]


def _flipped(frame: Planes, flip: ClipFlip | None) -> Planes:
    if flip is None:
        return frame
    rows = slice(None) if flip is ClipFlip.HORIZONTAL else slice(None, None, -1)
    columns = slice(None) if flip is ClipFlip.VERTICAL else slice(None, None, -1)
    return Planes(*(np.ascontiguousarray(plane[rows, columns]) for plane in frame.all()))
