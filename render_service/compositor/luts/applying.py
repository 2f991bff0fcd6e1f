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
_tables: "OrderedDict[str, ColorTable]" = OrderedDict()


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


def kept_table(asset: Asset, sha256: str) -> ColorTable:
    """Return the table of a file, which is read once for all segments of a process; raises as `load_table`.

    Args:
        asset: The file.
        sha256: The hash of its content.
    """
    if sha256 not in _tables:
        _tables[sha256] = load_table(asset)
        while len(_tables) > _MOST_KEPT:
            _tables.popitem(last=False)
    _tables.move_to_end(sha256)
    return _tables[sha256]


class TableFilter:
    """Changes colors by a table.

    Args:
        table: The table.
        strength: How much of the change is made, 0–1.
    """

    def __init__(self, table: ColorTable, strength: float = 1.0) -> None:
        self._table = table
        self._strength = strength
        self._chains: dict[str, _Chain] = {}

    def apply(self, colours: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return colors (height, width, 3), 0–1, as the table has them."""
        deep = np.rint(np.clip(colours, 0, 1) * np.float32(_WHITE)).astype(np.uint16)
        frame = self._scaled(VideoFrame.from_ndarray(np.ascontiguousarray(deep), format=_DEEP))
        changed = self._run("table", frame, lambda: self._looked_up).to_ndarray(format=_DEEP)
        result = changed.astype(np.float32) * np.float32(1 / _WHITE)
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
        chain = self._chains.get(name)
        if chain is None or not chain.accepts(frame):
            chain = self._chains[name] = _Chain(frame, filters(), self._table)
        return chain.run(frame)


class _Chain:
    """Filters for frames of one form, one of which may be the table's."""

    def __init__(self, frame: VideoFrame, filters: list[_Filter], table: ColorTable) -> None:
        self._form = (frame.format.name, frame.width, frame.height)
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

    def accepts(self, frame: VideoFrame) -> bool:
        return (frame.format.name, frame.width, frame.height) == self._form

    def run(self, frame: VideoFrame) -> VideoFrame:
        self._source.push(frame)
        changed = self._sink.pull()
        assert isinstance(changed, VideoFrame)
        return changed


def _plane(frame: VideoFrame, number: int) -> Plane:
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()
