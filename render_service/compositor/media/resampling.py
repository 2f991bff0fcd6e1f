"""Brings decoded sound to 48 kHz stereo, and keeps it on the clock of its file."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as Ended
from av.filter import Graph

from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound

BLOCK = SAMPLE_RATE // 4
"""Samples of a block, at most."""

# A longer step of the clock is a broken clock, not silence.
_LONGEST_GAP_SECONDS = 120.0
# Sound that is off its time stamps by more is put back at once, with silence or by dropping samples: this is a gap or
# an overlap. Less than the second is rounding of time stamps. Between both it is stretched, by so much at most, until
# it is back: the clocks of cameras and recorders run apart by a thousandth.
_JUMP_SECONDS = 0.025
_DRIFT_SECONDS = 0.01
_MOST_STRETCH = 0.01
# More channels than these have no layout that FFmpeg could mix down.
_MOST_LAID_OUT = 8
_FLOATS = frozenset(("flt", "fltp", "dbl", "dblp"))
# Taps of the low-pass filter. With FFmpeg's default of 32, a voice at 24 kHz has an audible image above 12 kHz.
_FILTER_SIZE = 256


class Resampler:
    """Turns frames into blocks of stereo samples at 48 kHz. The format of the frames may change in between.

    Args:
        start: Time of the first sample returned, in seconds on the clock of the frames: earlier sound is dropped, and
            silence fills the time until later sound. None starts with the first frame.

    Attributes:
        non_finite: Number of samples so far that were no finite numbers; they became silence.
    """

    def __init__(self, start: float | None = None) -> None:
        self.non_finite = 0
        self._start = start
        self._made = 0

    def resample(self, frames: Iterable[AudioFrame]) -> Iterator[Sound]:
        """Yield consecutive blocks of (2, n) samples, full scale ±1."""
        graph: _ResamplingGraph | None = None
        shift = 0.0
        for given in frames:
            stamp = frame_seconds(given)
            frame = self._clean(_mixed_down(given))
            expected = graph.end if graph is not None else None
            time = stamp + shift if stamp is not None else expected or 0.0
            if expected is not None and abs(time - expected) > _LONGEST_GAP_SECONDS:
                shift += expected - time
                time = expected
            jumps = expected is not None and abs(time - expected) > _JUMP_SECONDS
            if graph is None or jumps or not graph.accepts(frame):
                if graph is not None:
                    yield from self._counted(graph.finish())
                graph = _ResamplingGraph(frame, time)
                yield from self._lead_up(time, graph)
            graph.push(frame, time)
            yield from self._counted(graph.made())
        if graph is not None:
            yield from self._counted(graph.finish())

    def _lead_up(self, time: float, graph: "_ResamplingGraph") -> Iterator[Sound]:
        """Lead up to the first frame of a graph: with silence, or by dropping what overlaps."""
        if self._start is None:
            self._start = time
        missing = round((time - self._start) * SAMPLE_RATE) - self._made
        graph.drop = max(0, -missing)
        for first in range(0, max(0, missing), BLOCK):
            yield from self._counted([np.zeros((2, min(BLOCK, missing - first)), np.float32)])

    def _counted(self, blocks: Iterable[Sound]) -> Iterator[Sound]:
        for block in blocks:
            self._made += block.shape[1]
            yield block

    def _clean(self, frame: AudioFrame) -> AudioFrame:
        if frame.format.name not in _FLOATS:
            return frame
        samples = frame.to_ndarray()
        finite = np.isfinite(samples)
        if finite.all():
            return frame
        self.non_finite += samples.size - int(finite.sum())
        cleaned = AudioFrame.from_ndarray(np.where(finite, samples, 0), frame.format.name, frame.layout.name)
        cleaned.sample_rate = frame.sample_rate
        return cleaned


class _ResamplingGraph:
    """FFmpeg's resampler for frames of one format, whose sound is stretched where it drifts off their time stamps.

    Args:
        frame: A frame of the format.
        start: Time of the first frame, in seconds.

    Attributes:
        drop: Number of samples that are still to be left out.
    """

    def __init__(self, frame: AudioFrame, start: float) -> None:
        self.drop = 0
        self._accepted = _format(frame)
        self._rate = frame.sample_rate
        self._start = start
        self._pushed = 0  # samples, at the rate of the frames
        self._stretched = 0  # samples added so far, at the rate of the output
        self._drift = 0.0
        self._graph = Graph()
        tick = Fraction(1, self._rate)
        source = last = self._graph.add_abuffer(
            sample_rate=self._rate, format=frame.format.name, layout=frame.layout.name, time_base=tick
        )
        for name, arguments in (
            ("aresample", f"{SAMPLE_RATE}:filter_size={_FILTER_SIZE}"),
            ("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
            ("asetnsamples", f"{BLOCK}:p=0"),
            ("abuffersink", ""),
        ):
            last.link_to(following := self._graph.add(name, arguments))
            last = following
        self._source, self._sink, self._tick = source, last, tick
        self._graph.configure()

    @property
    def end(self) -> float:
        """When the sound taken so far ends in the output, in seconds on the clock of the frames."""
        return self._start + self._pushed / self._rate + self._stretched / SAMPLE_RATE

    def accepts(self, frame: AudioFrame) -> bool:
        """Return whether a frame has the format that this graph was made for."""
        return _format(frame) == self._accepted

    def push(self, frame: AudioFrame, seconds: float) -> None:
        """Take the next frame, whose sound belongs to a time."""
        drift = seconds - self.end
        if self._drift or abs(drift) > _DRIFT_SECONDS:
            self._drift = drift
        frame.pts, frame.time_base = self._pushed, self._tick
        self._pushed += frame.samples
        self._source.push(frame)

    def finish(self) -> Iterator[Sound]:
        """Yield what is left after the last frame."""
        self._source.push(None)
        yield from self.made()

    def made(self) -> Iterator[Sound]:
        """Yield the blocks that are ready."""
        while True:
            try:
                made = self._sink.pull()
            except (NothingYet, Ended):
                return
            assert isinstance(made, AudioFrame)
            block = self._steered(np.ascontiguousarray(made.to_ndarray(), np.float32))
            dropped = min(self.drop, block.shape[1])
            self.drop -= dropped
            if dropped < block.shape[1]:
                yield block[:, dropped:]

    def _steered(self, block: Sound) -> Sound:
        length = block.shape[1]
        most = int(_MOST_STRETCH * length)
        added = max(-most, min(most, round(self._drift * SAMPLE_RATE)))
        if added == 0:
            self._drift = 0.0
            return block
        self._drift -= added / SAMPLE_RATE
        self._stretched += added
        places = np.arange(length + added) * (length / (length + added))
        return np.stack([np.interp(places, np.arange(length), channel) for channel in block]).astype(np.float32)


def _format(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _mixed_down(frame: AudioFrame) -> AudioFrame:
    """Return a frame whose many channels nobody has laid out as mono: the mean of all."""
    channels = frame.layout.nb_channels
    if channels <= _MOST_LAID_OUT:
        return frame
    # Interleaved: PyAV does not reach the planes behind the eighth.
    interleaved = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
    samples = np.concatenate([part.to_ndarray() for part in interleaved.resample(frame)], axis=1)
    mean = samples.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    mono = AudioFrame.from_ndarray(mean.reshape(1, -1), "fltp", "mono")
    mono.sample_rate = frame.sample_rate
    return mono


def frame_seconds(frame: AudioFrame) -> float | None:
    """Return the time of a frame on its file's clock, if it has one."""
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base)
