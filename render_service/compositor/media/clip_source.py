"""Opens clips of every kind as decoded pictures with times: streams in containers, and animated WebP."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from typing import Protocol

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from render_service.compositor.media.assets import DEFAULT_LIMITS, Asset, MediaLimits
from render_service.compositor.media.clocks import start_seconds
from render_service.compositor.media.demuxing import clock_shifts_of, open_media
from render_service.compositor.media.images import open_animation
from render_service.compositor.media.sniffing import ANIMATED_WEBP, sniff_asset
from render_service.compositor.media.video_decoding import (
    picture_stream,
    pictures_of,
    progressive_frames,
    shown_size,
)
from render_service.domain.projects.file_signatures import FileClass, FileKind

_MILLISECOND = Fraction(1, 1000)


class ClipSource(Protocol):
    """An open clip."""

    @property
    def start(self) -> float:
        """The time of the first picture, in seconds on the file's clock."""

    def frames(self, wanted: float) -> Generator[VideoFrame, None, None]:
        """Yield pictures in order, with rising times, beginning with the one shown at a time or an earlier one."""

    def shown_size(self, frame: VideoFrame) -> tuple[float, float]:
        """Return width and height of a picture as displayed: with square pixels, turned upright."""


@contextmanager
def open_clip(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS) -> Iterator[ClipSource]:
    """Open a clip for its pictures.

    Raises:
        RenderFailure: ASSET_INVALID where it is no clip, or cannot be read.
    """
    kind = sniff_asset(asset, FileClass.CLIP)
    if kind == ANIMATED_WEBP:
        yield AnimatedWebP(asset, limits)
        return
    with open_media(asset, FileClass.CLIP, limits) as (container, _):
        yield StreamClip(asset, container, kind, limits)


def clip_shape(asset: Asset, limits: MediaLimits = DEFAULT_LIMITS) -> float:
    """Return width by height of a clip, as it is displayed.

    Raises:
        RenderFailure: As for `open_clip`.
    """
    with open_clip(asset, limits) as clip, closing(clip.frames(0)) as frames:
        width, height = clip.shown_size(next(frames))
    return width / height


class StreamClip:
    """The pictures of a container's first video track."""

    def __init__(self, asset: Asset, container: InputContainer, kind: FileKind, limits: MediaLimits) -> None:
        self._asset, self._container = asset, container
        self._video = picture_stream(asset, container, limits)
        self._pictures = pictures_of(self._video, kind.reader, clock_shifts_of(asset, kind))

    @property
    def start(self) -> float:
        """The time of the first picture, in seconds on the file's clock."""
        return start_seconds(self._video)

    def frames(self, wanted: float) -> Generator[VideoFrame, None, None]:
        """Yield pictures in order, with rising times, beginning with the one shown at a time or an earlier one."""
        return progressive_frames(self._asset, self._container, self._pictures, wanted)

    def shown_size(self, frame: VideoFrame) -> tuple[float, float]:
        """Return width and height of a picture as displayed: with square pixels, turned upright."""
        return shown_size(frame, self._video)


class AnimatedWebP:
    """The pictures of an animated WebP, which libav does not decode."""

    start = 0.0

    def __init__(self, asset: Asset, limits: MediaLimits) -> None:
        self._asset, self._limits = asset, limits

    def frames(self, wanted: float) -> Generator[VideoFrame, None, None]:
        """Yield all pictures in order: each builds on the one before."""
        with open_animation(self._asset, self._limits) as pictures:
            for picture, milliseconds in pictures:
                frame = VideoFrame.from_ndarray(np.asarray(picture), format="rgba")
                frame.pts, frame.time_base = milliseconds, _MILLISECOND
                yield frame

    def shown_size(self, frame: VideoFrame) -> tuple[float, float]:
        """Return width and height of a picture."""
        return float(frame.width), float(frame.height)
