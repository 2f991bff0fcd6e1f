"""Draws the pictures of the page about layers from the examples on it.

    python -m scripts.pictures.layers

Above each example stands the picture that shows it: `docs/images/layers-….webp`, in 16:9, 1:1 and 9:16.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray
from PIL import Image
from render_client.v1 import project_pb2

from render_service.compositor.drawing.canvas import prepare_canvas
from render_service.compositor.drawing.sampling import sample
from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.media.assets import Asset
from render_service.compositor.media.images import load_image
from render_service.compositor.segments.layers import drawn_layers
from render_service.domain.faults import Faults
from render_service.domain.layers.model import Layer, layer_files
from render_service.domain.projects.project import Fit, Motion, MotionKind
from render_service.server.mapping.project import project_from_proto

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/how-to/layers.md"
SAMPLES = ROOT / "samples/harbour/images"
SIZES = ((480, 270), (270, 270), (152, 270))
# Of a picture with moments.
_MOMENT = (240, 136)
FPS = 30
_SECONDS = 4
_GAP = 6
# What the example's URLs stand for.
_FILES = {"lake": "05-dusk", "boat": "01-dawn"}
_EXAMPLE = re.compile(r"\(\.\./images/(layers-[a-z-]+)\.webp\)\n\n```json\n(.*?)```", re.DOTALL)
# The moments in seconds that a picture shows in 16:9, one below the other; others show all shapes at two seconds.
MOMENTS: dict[str, Sequence[float]] = {
    "layers-moving": (0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.6),
    "layers-keyframes": (0.1, 0.25, 0.5, 0.8, 0.95, 1.1, 1.25, 1.5),
}


def examples(page: str) -> Iterator[tuple[str, project_pb2.Project]]:
    """Yield name and project of each example that has a picture."""
    for name, content in _EXAMPLE.findall(page):
        yield name, json_format.ParseDict(json.loads(content), project_pb2.Project())


def _photo(uri: str) -> Path:
    name = Path(uri).stem
    return SAMPLES / f"{_FILES.get(name, name)}.jpg"


def _frame(message: project_pb2.Project, size: tuple[int, int], seconds: float) -> NDArray[np.uint8]:
    """Draw a frame of the first shot of a project, in twice the size for smooth edges."""
    project = project_from_proto(message, "project", Faults())
    shot = project.shots[0]
    width, height = 2 * size[0], 2 * size[1]
    photo = Asset(_photo(shot.image_uri), "image_uri")
    still = Motion(MotionKind.NONE)
    canvas = prepare_canvas(lambda wanted: load_image(photo, cover=wanted), Fit.COVER, still, width, height)
    target = Planes.empty(width, height)
    sample(canvas.planes, canvas.view(0), target)
    for layers in (shot.layers, project.layers):
        _draw(layers, target, round(seconds * FPS))
    rgb = cv2.cvtColor(np.vstack((target.y, _packed(target))), cv2.COLOR_YUV2RGB_I420)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _packed(planes: Planes) -> NDArray[np.uint8]:
    return np.vstack([plane.reshape(-1, planes.width) for plane in (planes.u, planes.v)])


def _draw(layers: Sequence[Layer], target: Planes, number: int) -> None:
    paths = {field: _photo(uri) for field, uri in layer_files(layers)}
    assets = {field: Asset(path, field) for field, path in paths.items()}
    drawn = drawn_layers(layers, _SECONDS * FPS, FPS, {field: field for field in paths}, "")
    LayersPainter(drawn, (target.width, target.height), FPS, assets).draw(number, target)


def picture(name: str, message: project_pb2.Project) -> NDArray[np.uint8]:
    """Draw the picture of an example: (height, width, 3) sRGB."""
    moments = MOMENTS.get(name)
    if moments:
        tiles = [_frame(message, _MOMENT, seconds) for seconds in moments]
        rows = [tiles[index : index + 4] for index in range(0, len(tiles), 4)]
        return _joined([_joined(row, axis=1) for row in rows], axis=0)
    return _joined([_frame(message, size, 2) for size in SIZES], axis=1)


def _joined(tiles: Sequence[NDArray[np.uint8]], axis: int) -> NDArray[np.uint8]:
    parts = [tiles[0]]
    for tile in tiles[1:]:
        gap = (tile.shape[0], _GAP, 3) if axis == 1 else (_GAP, tile.shape[1], 3)
        parts += [np.full(gap, 255, np.uint8), tile]
    return np.concatenate(parts, axis=axis)


def main() -> None:
    """Draw all pictures anew."""
    for name, message in examples(PAGE.read_text(encoding="utf-8")):
        path = ROOT / f"docs/images/{name}.webp"
        Image.fromarray(picture(name, message)).save(path, quality=80, method=6)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
