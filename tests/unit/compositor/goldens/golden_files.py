"""Layers with files, and pictures under a camera, as they were judged by eye; run as a script it draws them anew."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render_service.compositor.drawing.motion import CameraPath
from render_service.compositor.drawing.sources import CanvasFrames
from render_service.compositor.faces.search import faces_in_image
from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.groups import Camera
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.segments.layers import drawn_layers
from render_service.compositor.segments.spec import DrawnStill, ShotStretch
from render_service.domain.layers.model import (
    Anchor,
    Box,
    BoxFit,
    Counter,
    Filters,
    Keyframe,
    Layer,
    LottiePlayback,
    Lut,
    Mask,
    PictureLayer,
    ShapeKind,
    ShapeLayer,
    Stroke,
    TextLayer,
    TextStyle,
    Trim,
    layer_files,
)
from render_service.domain.projects.looks.faces import focus_of
from render_service.domain.projects.output import Quality, VideoCodec
from render_service.domain.projects.project import Fit, Motion, MotionKind
from tests.unit.compositor.layers.scenes import FPS, Rgb, backdrop, to_rgb

FOLDER = Path(__file__).parent / "golden"
PICTURES = Path(__file__).parents[4] / "samples/pictures"
HARBOUR = PICTURES.parent / "harbour/images"
PORTRAIT = Path(__file__).parents[1] / "faces/astronaut.webp"
SIZE = (192, 108)
ZOOM = Motion(kind=MotionKind.ZOOM_IN, amount=0.4, focus_x=0.3, focus_y=0.5)


def _picture(name: str, box: Box, **own: object) -> Layer:
    return Layer(picture=PictureLayer(str(PICTURES / name)), box=box, **own)  # type: ignore[arg-type]


def _boat(x: float, **own: object) -> Layer:
    layer = Layer(picture=PictureLayer(str(HARBOUR / "01-dawn.jpg")), box=Box(x, 0.5, width=0.3, height=0.8))
    return replace(layer, **own)  # type: ignore[arg-type]


def _looked(strength: float) -> Filters:
    return Filters(lut=Lut(str(PICTURES / "teal-and-orange.cube"), strength))


SVG = (
    _picture("soup.svg", Box(0.25, 0.5, width=0.4, height=0.8, fit=BoxFit.CONTAIN)),
    _picture("logo.svg", Box(0.72, 0.3, height=0.3), opacity=0.8),
    _picture("cup.svg", Box(0.75, 0.75, height=0.4, rotation=-12)),
)
LUT = (_boat(0.18), _boat(0.5, filters=_looked(0.5)), _boat(0.82, filters=_looked(1)))
MASKS = (
    Layer(
        shape=ShapeLayer(color="#FFC940"),
        box=Box(0.2, 0.5, width=0.3, height=0.8),
        mask=Mask(picture_uri=str(PICTURES / "cup.png")),
    ),
    _boat(0.53, mask=Mask(picture_uri=str(HARBOUR / "05-dusk.jpg"))),
    _boat(0.85, mask=Mask(ShapeKind.ELLIPSE, feather=0.06)),
)
LOTTIE = (
    Layer(
        picture=PictureLayer(str(PICTURES / "burst.json"), LottiePlayback(speed=2)),
        box=Box(0.3, 0.5, height=0.9),
        opacity=0.9,
    ),
    Layer(
        picture=PictureLayer(str(PICTURES / "burst.json"), LottiePlayback(once=True)), box=Box(0.75, 0.5, height=0.6)
    ),
)
CHANGING = (
    Layer(text=TextLayer("{number} %", TextStyle(size=0.3), Counter(0, 1250, 1)), box=Box(0.5, 0.3)),
    Layer(
        shape=ShapeLayer(ShapeKind.ELLIPSE, trim=Trim(0, 0)),
        box=Box(0.2, 0.72, height=0.4),
        stroke=Stroke("#E0206B", 0.05),
        keyframes=(Keyframe(timedelta(seconds=1), trim_end=0.8, easing="linear"),),
    ),
    Layer(
        shape=ShapeLayer(ShapeKind.PATH, "M0 90 L35 30 L60 60 L100 0", trim=Trim(0, 0)),
        box=Box(0.68, 0.75, width=0.5, height=0.35),
        stroke=Stroke("#FFFFFF", 0.03),
        keyframes=(Keyframe(timedelta(seconds=1), trim_end=1, easing="linear"),),
    ),
)
PARALLAX = tuple(
    Layer(
        shape=ShapeLayer(ShapeKind.ELLIPSE, color=color),
        box=Box(x, 0.5, Anchor.CENTER, height=0.25),
        parallax=share,
    )
    for x, share, color in (
        (0.5, 0.0, "#FFFFFF"),
        (0.65, 0.5, "#FFC940"),
        (0.8, 1.0, "#E0206B"),
        (0.92, 1.6, "#2B5CFF"),
    )
)


def _camera(frame: int, share: float) -> NDArray[np.float64]:
    """Zoom over three seconds, on a picture that just covers the frame."""
    return CameraPath(ZOOM, *SIZE, *SIZE).carried(frame / 89, share, SIZE)


def _layers(layers: Sequence[Layer], frame: int, camera: Camera | None = None) -> Rgb:
    """Draw layers in a frame of three seconds; URIs are paths."""
    files = dict(layer_files(layers))
    assets = {path: Asset(Path(path), field) for field, path in files.items()}
    target = backdrop(*SIZE)
    with closing(
        LayersPainter(drawn_layers(layers, 90, FPS, files, "en"), SIZE, FPS, assets, camera=camera)
    ) as painter:
        painter.draw(frame, target)
    return to_rgb(target)


def _still(path: Path, motion: Motion, frame: int = 0) -> Rgb:
    """Draw a picture that covers the frame, in a frame of three seconds."""
    layer = ShotStretch(DrawnStill("still", Fit.COVER), motion, 90, frame)
    target = Planes.empty(*SIZE)
    with tempfile.TemporaryDirectory() as folder:
        form = PictureFormat(*SIZE, FPS, Quality.DRAFT, VideoCodec.H264)
        canvas = CanvasFrames(layer, form, {"still": Asset(path, "image_uri")}, Path(folder))
        with closing(canvas):
            canvas.draw(target)
    return to_rgb(target)


def _focus() -> Rgb:
    """Draw a portrait in a wide frame: its middle, its faces, and its foot."""
    found = focus_of(faces_in_image(Asset(PORTRAIT, "image_uri")))
    assert found is not None
    points = ((0.5, 0.5), found, (0.5, 1.0))
    return np.vstack([_still(PORTRAIT, Motion(kind=MotionKind.NONE, focus_x=x, focus_y=y)) for x, y in points])


def _moments(layers: Sequence[Layer], *frames: int, camera: Camera | None = None) -> Callable[[], Rgb]:
    return lambda: np.vstack([_layers(layers, frame, camera) for frame in frames])


SCENES: dict[str, Callable[[], Rgb]] = {
    "svg": _moments(SVG, 0),
    "lut": _moments(LUT, 0),
    "masks": _moments(MASKS, 0),
    "lottie": _moments(LOTTIE, 6, 20, 34),
    "counters-and-trims": _moments(CHANGING, 0, 12, 60),
    "parallax": _moments(PARALLAX, 0, 45, 89, camera=_camera),
    "focus": _focus,
}


def main() -> None:
    """Draw all pictures anew."""
    for name, draw in SCENES.items():
        cv2.imwrite(str(FOLDER / f"{name}.png"), draw()[:, :, ::-1])


if __name__ == "__main__":
    main()
