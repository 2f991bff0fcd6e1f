"""Encodes segments as a GIF with one palette for the whole animation."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from render_service.compositor.encoding.encoder import decoded_frames

# GIF counts time in hundredths of a second.
_TICK = Fraction(1, 100)


def write_gif(segments: Sequence[Path], fps: int, path: Path) -> None:
    """Write a GIF that loops forever.

    Segments are decoded twice, once for the palette and once for the frames, so memory does not grow with length.

    Args:
        segments: The segment files in order.
        fps: Frames per second.
        path: The file to write.
    """
    palette = _palette(segments, fps)
    with av.open(str(path), "w", format="gif", options={"loop": "0"}) as output:
        stream = output.add_stream("gif", rate=fps)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "pal8"
        mapper: _PaletteMapper | None = None
        for number, frame in enumerate(decoded_frames(segments)):
            if mapper is None:
                mapper = _PaletteMapper(frame, palette, fps)
                stream.width, stream.height = frame.width, frame.height
                stream.codec_context.time_base = _TICK
            drawn = mapper.map(frame, number)
            drawn.pts, drawn.time_base = round(number * 100 / fps), _TICK
            output.mux(stream.encode(drawn))
        output.mux(stream.encode(None))


def _palette(segments: Sequence[Path], fps: int) -> VideoFrame:
    source: FilterContext | None = None
    for number, frame in enumerate(decoded_frames(segments)):
        if source is None:
            graph = Graph()
            source = _input(graph, frame, fps)
            colours, sink = graph.add("palettegen", "stats_mode=full"), graph.add("buffersink")
            source.link_to(colours)
            colours.link_to(sink)
            graph.configure()
        frame.pts, frame.time_base = number, Fraction(1, fps)
        source.push(frame)
    assert source is not None
    source.push(None)
    palette = sink.pull()
    assert isinstance(palette, VideoFrame)
    return palette


class _PaletteMapper:
    """Maps frames to the colours of a palette, with dithering."""

    def __init__(self, like: VideoFrame, palette: VideoFrame, fps: int) -> None:
        graph = Graph()
        self._tick = Fraction(1, fps)
        self._input, colours = _input(graph, like, fps), _input(graph, palette, fps)
        use, self._sink = graph.add("paletteuse", "dither=sierra2_4a:diff_mode=rectangle"), graph.add("buffersink")
        self._input.link_to(use, 0, 0)
        colours.link_to(use, 0, 1)
        use.link_to(self._sink)
        graph.configure()
        palette.pts, palette.time_base = 0, self._tick
        colours.push(palette)
        colours.push(None)
        # The filter contexts belong to the graph, which must outlive them.
        self._graph = graph

    def map(self, frame: VideoFrame, number: int) -> VideoFrame:
        """Return a frame in the palette's colours."""
        frame.pts, frame.time_base = number, self._tick
        self._input.push(frame)
        drawn = self._sink.pull()
        assert isinstance(drawn, VideoFrame)
        return drawn


def _input(graph: Graph, like: VideoFrame, fps: int) -> FilterContext:
    return graph.add_buffer(width=like.width, height=like.height, format=like.format, time_base=Fraction(1, fps))
