"""Applies color tables with libavfilter: tetrahedral between the colors of a table of three dimensions.

Values are display-referred, as cameras and editors export tables for Rec. 709 or sRGB: R'G'B' of BT.709 and sRGB as
they are coded, 0 (black) to 1 (white), without linearising them.
"""

import tempfile
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from render_service.compositor.frames.planes import Plane, Planes
from render_service.compositor.luts.cube import MAX_BYTES, ColorTable, CubeError, read_cube
from render_service.compositor.media.assets import Asset, AssetFault

_WHITE = 65_535
_DEEP = "gbrp16le"
_TABLE = "{table}"
_Filter = tuple[str, str]
_Form = tuple[str, int, int]
_TO_COLOURS: tuple[_Filter, ...] = (
    ("setparams", "color_primaries=unknown:color_trc=unknown:colorspace=bt709:range=tv"),
    ("scale", "flags=bicubic+accurate_rnd+full_chroma_int:in_color_matrix=bt709:in_range=tv"),
    ("format", _DEEP),
)
_TO_PLANES: tuple[_Filter, ...] = (
    ("scale", "flags=bicubic+accurate_rnd:out_color_matrix=bt709:out_range=tv"),
    ("format", "yuv420p"),
)
_MOST_KEPT = 2
"""Tables in memory: a video has one look or two."""
_MOST_CHAINS = 4
"""Of a filter, for frames of other forms. libavfilter takes seconds to read the largest table."""
_TILE = (256, 256)
"""Colors looked up at a time, so that drawings of all sizes are changed by one chain."""
_filters: "OrderedDict[tuple[str, float], TableFilter]" = OrderedDict()


def load_table(asset: Asset) -> ColorTable:
    """Read the table of a file.

    Raises:
        RenderFailure: ASSET_INVALID, naming the line and its fault.
    """
    with asset.path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return read_cube(data)
    except CubeError as error:
        raise asset.invalid(AssetFault.NOT_A_LUT, str(error)) from error


def kept_filter(asset: Asset, sha256: str, strength: float) -> "TableFilter":
    """Return the filter of a file, which is made once for all frames and segments of a process; raises as `load_table`.

    Args:
        asset: The file.
        sha256: The hash of its content.
        strength: How much of the change is made, 0–1.
    """
    key = (sha256, strength)
    if key not in _filters:
        _filters[key] = TableFilter(load_table(asset), strength)
        while len(_filters) > _MOST_KEPT:
            _filters.popitem(last=False)
    _filters.move_to_end(key)
    return _filters[key]


class TableFilter:
    """Changes colors by a table.

    Args:
        table: The table.
        strength: How much of the change is made, 0–1.
    """

    def __init__(self, table: ColorTable, strength: float = 1.0) -> None:
        self._table = table
        self._strength = strength
        self._chains: OrderedDict[tuple[str, _Form], _Chain] = OrderedDict()

    def apply(self, colours: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return colors (height, width, 3), 0–1, as the table has them."""
        deep = np.rint(np.clip(colours, 0, 1) * np.float32(_WHITE)).astype(np.uint16).reshape(-1, 3)
        result = np.empty(deep.shape, np.float32)
        size = _TILE[0] * _TILE[1]
        for start in range(0, len(deep), size):
            part = deep[start : start + size]
            tile = np.zeros((size, 3), np.uint16)
            tile[: len(part)] = part
            frame = self._scaled(VideoFrame.from_ndarray(tile.reshape(*_TILE, 3), format=_DEEP))
            changed = self._run("table", frame, lambda: self._looked_up).to_ndarray(format=_DEEP)
            result[start : start + size] = changed.reshape(-1, 3)[: len(part)]
        result = result.reshape(colours.shape) * np.float32(1 / _WHITE)
        return result if self._strength == 1 else colours + (result - colours) * np.float32(self._strength)

    def apply_to_planes(self, planes: Planes) -> Planes:
        """Return a frame with its colors as the table has them."""
        whole = np.concatenate([plane.reshape(-1) for plane in planes.all()])
        frame = VideoFrame.from_ndarray(whole.reshape(-1, planes.width), format="yuv420p")
        if self._table.is_of_unit:
            changed = self._run("frame", frame, lambda: [*_TO_COLOURS, *self._looked_up, *_TO_PLANES])
        else:
            coloured = self._scaled(self._run("colours", frame, lambda: [*_TO_COLOURS]))
            changed = self._run("planes", coloured, lambda: [*self._looked_up, *_TO_PLANES])
        result = [_plane(changed, number) for number in range(3)]
        if self._strength != 1:
            share = self._strength
            result = [
                np.asarray(cv2.addWeighted(one, share, other, 1 - share, 0), np.uint8)
                for one, other in zip(result, planes.all(), strict=True)
            ]
        return Planes(*result)

    @property
    def _looked_up(self) -> list[_Filter]:
        if self._table.dimensions == 1:
            return [("lut1d", f"{_TABLE}:interp=linear")]
        return [("lut3d", f"{_TABLE}:interp=tetrahedral")]

    def _scaled(self, frame: VideoFrame) -> VideoFrame:
        """Return colors as shares of the table's input: libavfilter ignores where it begins."""
        if self._table.is_of_unit:
            return frame
        colours = frame.to_ndarray(format=_DEEP)
        values = np.arange(_WHITE + 1) / _WHITE
        for channel, (low, high) in enumerate(zip(self._table.low, self._table.high, strict=True)):
            shares = np.clip((values - low) / (high - low), 0, 1)
            colours[..., channel] = np.rint(shares * _WHITE).astype(np.uint16)[colours[..., channel]]
        return VideoFrame.from_ndarray(colours, format=_DEEP)

    def _run(self, name: str, frame: VideoFrame, filters: Callable[[], list[_Filter]]) -> VideoFrame:
        key = (name, _form_of(frame))
        if key not in self._chains:
            self._chains[key] = _Chain(frame, filters(), self._table)
            while len(self._chains) > _MOST_CHAINS:
                self._chains.popitem(last=False)
        self._chains.move_to_end(key)
        return self._chains[key].run(frame)


class _Chain:
    """Filters for frames of one form, one of which may be the table's."""

    def __init__(self, frame: VideoFrame, filters: list[_Filter], table: ColorTable) -> None:
        self._graph = Graph()
        last = self._source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
        )
        with tempfile.TemporaryDirectory(prefix="lut-") as folder:
            path = Path(folder) / "table.cube"
            # Written anew from what was checked here: libavfilter reads no file of a caller.
            path.write_bytes(table.written())
            for name, arguments in filters:
                last.link_to(following := self._graph.add(name, arguments.replace(_TABLE, str(path))))
                last = following
            last.link_to(sink := self._graph.add("buffersink"))
            self._sink = sink
            self._graph.configure()

    def run(self, frame: VideoFrame) -> VideoFrame:
        self._source.push(frame)
        changed = self._sink.pull()
        assert isinstance(changed, VideoFrame)
        return changed


def _form_of(frame: VideoFrame) -> _Form:
    return frame.format.name, frame.width, frame.height


def _plane(frame: VideoFrame, number: int) -> Plane:
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()
