"""Plays sound faster or slower at the same pitch."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound

_SLOWEST_STEP = 0.5


def stretched(blocks: Iterable[Sound], tempo: float) -> Iterator[Sound]:
    """Yield a sound that is played faster or slower, at the same pitch; 2 plays it in half the time, 0.25–4."""
    graph = Graph()
    last = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="flt", layout="stereo")
    # Waveform similarity overlap-add: pieces of the sound are shifted to where they fit, and keep their pitch. One step
    # goes no slower than half.
    for step in (tempo,) if tempo >= _SLOWEST_STEP else (_SLOWEST_STEP, tempo / _SLOWEST_STEP):
        last.link_to(stretch := graph.add("atempo", f"{step:g}"))
        last = stretch
    last.link_to(graph.add("abuffersink"))
    graph.configure()
    place = 0
    for block in blocks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block.T).reshape(1, -1), "flt", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, place, Fraction(1, SAMPLE_RATE)
        place += frame.samples
        graph.push(frame)
        yield from _ready(graph)
    graph.push(None)
    yield from _ready(graph)


def _ready(graph: Graph) -> Iterator[Sound]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, AudioFrame)
        yield frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, 2).T
