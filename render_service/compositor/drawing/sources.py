"""Sources of frames: still pictures and cards under a moving camera."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.canvas import prepare_canvas, read_canvas, write_canvas
from render_service.compositor.drawing.cards import draw_card, draw_title_card
from render_service.compositor.drawing.dithering import dither
from render_service.compositor.drawing.edited_clips import EditedClip
from render_service.compositor.drawing.sampling import sample
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.planes import Planes
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.clips import ClipReader, FrameFormat
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.shared_files import made_once
from render_service.compositor.segments.spec import DrawnCard, DrawnClip, DrawnStill, ShotStretch
from render_service.domain.projects.project import Fit, MotionKind


class FrameSource(Protocol):
    """Draws the frames of one shot, one after the other."""

    def draw(self, target: Planes) -> None:
        """Fill a frame with the next picture of the shot."""

    def close(self) -> None:
        """Release what is held."""


class CanvasFrames:
    """A still picture or a card under a moving camera.

    Args:
        shot: The stretch of the shot.
        picture: Form of the frames.
        assets: Local files by content hash.
        workdir: Where canvases are kept for all segments that show the same picture.
    """

    def __init__(self, shot: ShotStretch, picture: PictureFormat, assets: Mapping[str, Asset], workdir: Path) -> None:
        path = _canvas_file(shot, picture, assets, workdir)
        seconds = shot.frames / picture.fps
        self._canvas = read_canvas(path, shot.motion, picture.width, picture.height, seconds=seconds)
        self._is_card = isinstance(shot.source, DrawnCard)
        self._first = self._next = shot.first
        self._still: Planes | None = None
        # The movement begins with the first frame and ends with the last.
        self._steps = max(1, shot.frames - 1)

    def draw(self, target: Planes) -> None:
        """Fill a frame with the next picture of the shot."""
        if self._still is not None:
            target.copy_from(self._still)
            return
        sample(self._canvas.planes, self._canvas.view(self._next / self._steps), target)
        if self._is_card:
            dither(target.y)
        self._next += 1
        if self._canvas.path.motion.kind is MotionKind.NONE:
            self._still = Planes.empty(target.width, target.height)
            self._still.copy_from(target)

    def carried(self, frame: int, share: float) -> NDArray[np.float64]:
        """Return where a layer is moved that follows a share of the camera's movement; see `CameraPath.carried`."""
        path = self._canvas.path
        moment = (self._first + frame) / self._steps
        return path.carried(moment, share, (path.frame_width, path.frame_height))

    def close(self) -> None:
        """Do nothing: the canvas stays in the work folder for other segments."""


class ClipFrames:
    """A clip; beyond its end its last frame stays.

    Args:
        shot: The stretch of the shot.
        picture: Form of the frames.
        assets: Local files by content hash.
    """

    def __init__(self, shot: ShotStretch, picture: PictureFormat, assets: Mapping[str, Asset]) -> None:
        assert isinstance(shot.source, DrawnClip)
        focus = (shot.motion.focus_x, shot.motion.focus_y)
        form = FrameFormat(picture.width, picture.height, picture.fps, shot.source.fit, focus)
        asset, playback = assets[shot.source.clip], shot.source.playback
        self._reader: ClipReader | EditedClip = (
            ClipReader(asset, form, first=shot.first)
            if playback is None
            else EditedClip(asset, form, playback, first=shot.first)
        )

    def draw(self, target: Planes) -> None:
        """Fill a frame with the next picture of the shot."""
        target.copy_from(self._reader.read())

    def close(self) -> None:
        """Close the clip's file."""
        self._reader.close()


def _card(source: DrawnCard, size: tuple[int, int]) -> NDArray[np.uint8]:
    if source.subtitle is None:
        return draw_card(
            source.card, *size, seed=source.seed, language=source.language, theme=source.theme, brand=source.brand
        )
    return draw_title_card(
        source.card,
        source.subtitle,
        *size,
        seed=source.seed,
        language=source.language,
        theme=source.theme,
        brand=source.brand,
    )


def _canvas_file(shot: ShotStretch, picture: PictureFormat, assets: Mapping[str, Asset], workdir: Path) -> Path:
    """Return the file of a shot's canvas, made now unless another segment has made it."""
    name = hashlib.sha256(repr((shot.source, shot.motion, picture.width, picture.height)).encode()).hexdigest()

    def make(path: Path) -> None:
        source = shot.source

        def load(size: tuple[int, int]) -> NDArray[np.uint8]:
            if isinstance(source, DrawnCard):
                return _card(source, size)
            assert isinstance(source, DrawnStill)
            return load_image(assets[source.still], cover=size, exact=False)

        fit = source.fit if isinstance(source, DrawnStill) else Fit.COVER
        write_canvas(prepare_canvas(load, fit, shot.motion, picture.width, picture.height), path)

    return made_once(workdir / f"{name[:32]}.canvas", make)
