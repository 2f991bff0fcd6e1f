"""Colors changed by a table."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from unittest.mock import Mock, create_autospec

import numpy as np
import pytest
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from render_service.compositor.frames.planes import Planes
from render_service.compositor.layers.painter import LayersPainter
from render_service.compositor.luts import applying
from render_service.compositor.luts.applying import TableFilter, kept_filter, load_table
from render_service.compositor.luts.cube import ColorTable, read_cube
from render_service.compositor.media.assets import Asset, Media, ShotMedia
from render_service.compositor.segments.layers import drawn_layers
from render_service.domain.errors import RenderFailure
from render_service.domain.layers.model import Filters, Layer, Lut, ShapeLayer, layer_files
from render_service.domain.projects.project import Project, Shot
from tests.integration.compositor.inspecting import inspected

SIZE = (32, 18)
Floats = NDArray[np.float64]


def teal(colours: Floats) -> Floats:
    """A strong look: darker greens, warm lights, cool shadows."""
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    return np.stack((red**0.7, 0.85 * green + 0.1 * red * blue, 0.15 + 0.7 * blue - 0.1 * red), -1)


def cube_of(look: Callable[[Floats], Floats], size: int, low: float = 0.0, high: float = 1.0) -> bytes:
    axis = np.linspace(low, high, size)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    rows = look(np.stack((red, green, blue), -1).clip(0)).reshape(-1, 3)
    head = f"DOMAIN_MIN {low} {low} {low}\nDOMAIN_MAX {high} {high} {high}\nLUT_3D_SIZE {size}\n"
    return (head + "\n".join("{} {} {}".format(*row) for row in rows)).encode()


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """Colors of every kind, 8 bits each."""
    return np.random.default_rng(7).integers(0, 256, (90, 160, 3), np.uint8)


def tetrahedral(table: ColorTable, colours: Floats) -> Floats:
    """Interpolate as Kasson et al. describe it (1995), written from the formula."""
    low, high = (np.array(edge) for edge in (table.low, table.high))
    place = ((colours - low) / (high - low)).clip(0, 1) * (table.size - 1)
    corner = np.minimum(place.astype(int), table.size - 2)
    rest = place - corner
    steps = np.array((1, table.size, table.size**2))
    order = np.argsort(-rest, axis=-1, kind="stable")
    sorted_rest = np.take_along_axis(rest, order, -1)
    at = corner @ steps
    result = table.rows[at] * (1 - sorted_rest[..., :1])
    for axis in range(3):
        at = at + steps[order[..., axis]]
        below = sorted_rest[..., axis + 1 : axis + 2] if axis < 2 else 0.0
        result = result + table.rows[at] * (sorted_rest[..., axis : axis + 1] - below)
    return np.asarray(result, np.float64)


def test_a_table_changes_colors_as_ffmpeg_does(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    path = tmp_path / "look.cube"
    path.write_bytes(cube_of(teal, 17))
    graph = Graph()
    form = VideoFormat("gbrp", 160, 90)
    source = graph.add_buffer(width=160, height=90, format=form, time_base=Fraction(1, 25))
    source.link_to(table := graph.add("lut3d", f"{path}:interp=tetrahedral"))
    table.link_to(sink := graph.add("buffersink"))
    graph.configure()
    source.push(VideoFrame.from_ndarray(picture, format="gbrp"))
    expected = sink.pull()
    assert isinstance(expected, VideoFrame)
    ours = TableFilter(load_table(Asset(path, "lut"))).apply(np.asarray(picture / 255, np.float32))
    assert np.abs(ours * 255 - expected.to_ndarray(format="gbrp")).max() <= 1


@pytest.mark.parametrize(
    "data",
    [cube_of(teal, 5), cube_of(teal, 9, -0.1, 1.3), cube_of(lambda colours: 1.5 - 2 * colours, 2)],
    ids=["unit", "wider-domain", "beyond-white"],
)
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_a_table_is_interpolated_between_its_colors(data: bytes, strength: float, picture: NDArray[np.uint8]) -> None:
    table, colours = read_cube(data), picture / 255
    changed = TableFilter(table, strength).apply(colours.astype(np.float32))
    expected = colours + strength * (tetrahedral(table, colours).clip(0, 1) - colours)
    assert np.abs(changed - expected).max() * 255 < 0.1


def test_a_curve_changes_each_channel_alone(picture: NDArray[np.uint8]) -> None:
    table = read_cube(b"LUT_1D_SIZE 3\nDOMAIN_MAX 1 1 2\n0 1 0\n.2 .5 .5\n1 0 1")
    colours = (picture / 255).astype(np.float32)
    changed = TableFilter(table).apply(colours)
    bent = np.interp(colours[..., 0], (0, 0.5, 1), (0, 0.2, 1))
    expected: list[Floats] = [bent, np.subtract(1.0, colours[..., 1]), np.divide(colours[..., 2], 2.0)]
    assert np.abs(changed - np.stack(expected, -1)).max() * 255 < 0.1


def planes_of(colours: Floats) -> Planes:
    """Return a frame of one color, by BT.709."""
    luma = float(colours @ (0.2126, 0.7152, 0.0722))
    frame = Planes.empty(*SIZE)
    blue, red = (colours[2] - luma) / 1.8556, (colours[0] - luma) / 1.5748
    frame.fill((round(16 + 219 * luma), round(float(128 + 224 * blue)), round(float(128 + 224 * red))))
    return frame


@pytest.mark.parametrize("colour", [(0.2, 0.5, 0.7), (0.9, 0.9, 0.9), (0.05, 0.05, 0.05), (0.7, 0.4, 0.3)])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_a_clip_changes_as_a_picture_does(colour: tuple[float, float, float], strength: float) -> None:
    table = read_cube(cube_of(teal, 17))
    changed = TableFilter(table, strength)
    for _ in range(2):
        frame = changed.apply_to_planes(planes_of(np.array(colour)))
    wanted = np.array(colour) + strength * (teal(np.array(colour)).clip(0, 1) - np.array(colour))
    for plane, expected in zip(frame.all(), planes_of(wanted).all(), strict=True):
        assert np.abs(plane.astype(int) - int(expected[0, 0])).max() <= 2


def drawn(tmp_path: Path, data: bytes, lut: Lut) -> Planes:
    path = tmp_path / "look.cube"
    path.write_bytes(data)
    layer = Layer("a", shape=ShapeLayer(color="#336699"), filters=Filters(lut=lut))
    field = "layers[0].filters.lut.uri"
    assert list(layer_files((layer,))) == [(field, lut.uri)]
    layers = drawn_layers((layer,), 1, 10, {field: "hash"}, "")
    assert layers[0].files == ("hash",), "segments have another key with another file"
    frame = Planes.empty(*SIZE)
    frame.fill((16, 128, 128))
    with closing(LayersPainter(layers, SIZE, 10, {"hash": Asset(path, field)})) as painter:
        painter.draw(0, frame)
    return frame


def test_a_layer_has_the_look_of_its_table(tmp_path: Path) -> None:
    frame = drawn(tmp_path, cube_of(lambda colours: colours[..., ::-1], 2), Lut("https://example.com/a.cube"))
    expected = planes_of(np.array((0x99, 0x66, 0x33)) / 255)
    for plane, other in zip(frame.all(), expected.all(), strict=True):
        assert abs(int(plane[5, 5]) - int(other[5, 5])) <= 1


def test_a_table_is_handed_to_libavfilter_once_for_drawings_of_all_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = create_autospec(ColorTable.written, side_effect=ColorTable.written)
    monkeypatch.setattr(ColorTable, "written", read)
    monkeypatch.setattr(applying, "_filters", OrderedDict())
    path = tmp_path / "look.cube"
    path.write_bytes(cube_of(teal, 5))
    asset, table = Asset(path, "lut"), read_cube(cube_of(teal, 5))
    random = np.random.default_rng(3)
    for height, width in ((9, 16), (7, 40), (300, 240), (1, 1)):
        colours = random.random((height, width, 3)).astype(np.float32)
        changed = kept_filter(asset, "a", 1.0).apply(colours)
        assert np.abs(changed - tetrahedral(table, colours.astype(np.float64)).clip(0, 1)).max() * 255 < 0.1
    assert read.call_count == 1
    for size in (SIZE, SIZE, (64, 36), SIZE):
        kept_filter(asset, "a", 1.0).apply_to_planes(Planes.empty(*size))
    assert read.call_count == 3, "and once for clips of each size"
    assert kept_filter(asset, "b", 1.0) is not kept_filter(asset, "a", 1.0)
    assert kept_filter(asset, "a", 0.5) is not kept_filter(asset, "a", 1.0)
    assert len(applying._filters) == 2


def test_frames_of_a_moving_layer_share_a_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_filters", OrderedDict())
    read = Mock(side_effect=load_table)
    monkeypatch.setattr(applying, "load_table", read)
    for _ in range(3):
        drawn(tmp_path, cube_of(teal, 3), Lut("https://example.com/a.cube"))
    assert read.call_count == 1


def test_faults_of_a_file_name_its_field(tmp_path: Path) -> None:
    path = tmp_path / "look.cube"
    path.write_bytes(b"LUT_3D_SIZE 2\n0 0 0\nnan 0 0\n" + b"1 1 1\n" * 6)
    with pytest.raises(RenderFailure) as refused:
        load_table(Asset(path, "layers[0].filters.lut.uri", "shot-1"))
    assert refused.value.message.startswith("shot-1.layers[0].filters.lut.uri: line 3 of the LUT has 'nan'")
    assert refused.value.metadata["fault"] == "not_a_lut"


def test_a_table_is_checked_before_anything_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "look.cube"
    field = "layers[0].filters.lut.uri"
    project = Project(shots=(Shot("one"),))
    media = Media({"one": ShotMedia(layers={field: path})})
    path.write_bytes(b"LUT_3D_SIZE 2\n")
    with pytest.raises(RenderFailure, match=r"^one\.layers\[0\]\.filters\.lut\.uri: the LUT ends after 0"):
        inspected(media, project)
    path.write_bytes(cube_of(teal, 2))
    assert path in inspected(media, project).hashes
