"""Sounds as blocks of samples: any rate, channel layout and codec in, 48 kHz stereo out."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import InvalidDataError

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.compositor.media.demuxing import SOUND_CODECS, opened
from render_service.compositor.media.sniffing import FileClass
from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.media.video_decoding import start_seconds

_PIECE = SAMPLE_RATE // 4
# Smaller steps are rounding of time stamps; larger ones are broken clocks, not silence.
_GAP_SECONDS = 0.04
_LONGEST_GAP_SECONDS = 120.0
_MOST_FAULTS = 0.05  # part of the packets


class SoundReader:
    """Reads a sound from its beginning, block by block; beyond its end there is silence, or it begins again.

    Args:
        asset: A sound file, or a clip whose sound track is read.
        looped: Whether it begins again at its end.

    Use as a context manager; it holds the file open.
    """

    def __init__(self, asset: Asset, *, looped: bool = False) -> None:
        self._asset = asset
        self._looped = looped
        self._blocks = self._decoded()
        self._ready: deque[Sound] = deque()
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._blocks.close()

    @property
    def ended(self) -> bool:
        """Whether nothing but silence is left."""
        return self._ended and not self._ready

    def read(self, count: int) -> Sound:
        """Return the next samples: (2, count)."""
        block = np.zeros((2, count), np.float32)
        filled = 0
        while filled < count and (self._ready or self._decode_next()):
            piece = self._ready.popleft()
            used = min(count - filled, piece.shape[1])
            block[:, filled : filled + used] = piece[:, :used]
            filled += used
            if used < piece.shape[1]:
                self._ready.appendleft(piece[:, used:])
        return block

    def _decode_next(self) -> bool:
        if self._ended:
            return False
        piece = next(self._blocks, None)
        if piece is None:
            self._ended = True
            return False
        self._ready.append(piece)
        return True

    def _decoded(self) -> Generator[Sound, None, None]:
        while True:
            heard = 0
            for piece in decode_sound(self._asset):
                heard += piece.shape[1]
                yield piece
            if not self._looped or not heard:
                return


def decode_sound(asset: Asset) -> Generator[Sound, None, None]:
    """Decode the first sound track of an asset.

    The sound of a clip is counted from its first picture: what comes before is left out, a later beginning and gaps
    are filled with silence. A sound file is counted from its first sample.

    Args:
        asset: A sound file or a clip.

    Yields:
        Blocks of (2, n) samples at 48 kHz, full scale ±1, in order, without gap.

    Raises:
        RenderFailure: ASSET_INVALID where there is no sound track, its codec is not supported, or it is damaged.
    """
    with opened(asset, FileClass.SOUND) as (container, kind):
        stream = sound_stream(asset, container.streams.audio)
        frames = _decoded(asset, container, stream)
        first = next(frames, None)
        if first is None:
            return
        pictures = container.streams.video if kind.file_class is FileClass.CLIP else ()
        lead = _seconds(first) - start_seconds(pictures[0]) if pictures else 0.0
        yield from _silence(lead)
        early = max(0, round(-lead * SAMPLE_RATE))
        for piece in _resampled(chain((first,), frames)):
            yield piece[:, early:]
            early = max(0, early - piece.shape[1])


def _decoded(asset: Asset, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Decode; a few packets of rubbish, common between the frames of MP3 files, are passed over as players do."""
    packets = faults = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            yield from packet.decode()
        except InvalidDataError:
            faults += 1
    if faults > max(2, packets * _MOST_FAULTS):
        raise asset.invalid(AssetFault.TRUNCATED, "has damaged sound")


def _resampled(frames: Iterable[AudioFrame]) -> Iterator[Sound]:
    """Bring frames to 48 kHz stereo; gaps between their time stamps become silence, their form may change."""
    resampler = _resampler()
    form: tuple[str, str, int] | None = None
    expected = 0.0
    for frame in frames:
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        gap = _seconds(frame) - expected if form is not None else 0.0
        gapped = _GAP_SECONDS < gap < _LONGEST_GAP_SECONDS
        if form is not None and (gapped or found != form):
            # The resampler would close the gap, and takes frames of one form only: it begins anew.
            yield from _drained(resampler)
            resampler = _resampler()
        if gapped:
            yield from _silence(gap)
        if gapped or form is None:
            expected = _seconds(frame)
        form = found
        for piece in resampler.resample(frame):
            yield np.ascontiguousarray(piece.to_ndarray(), np.float32)
        expected += frame.samples / frame.sample_rate
    yield from _drained(resampler)


def _seconds(frame: AudioFrame) -> float:
    return float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base is not None else 0.0


def _silence(seconds: float) -> Iterator[Sound]:
    for start in range(0, round(min(seconds, _LONGEST_GAP_SECONDS) * SAMPLE_RATE), _PIECE):
        yield np.zeros((2, min(_PIECE, round(seconds * SAMPLE_RATE) - start)), np.float32)


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE, frame_size=_PIECE)


def _drained(resampler: av.AudioResampler) -> Iterator[Sound]:
    for piece in resampler.resample(None):
        yield np.ascontiguousarray(piece.to_ndarray(), np.float32)


def sound_stream(asset: Asset, streams: tuple[AudioStream, ...]) -> AudioStream:
    """Return the first sound track, or raise ASSET_INVALID where there is none or its codec is not supported."""
    if not streams:
        raise asset.invalid(AssetFault.NOT_A_SOUND, "has no sound track")
    stream = streams[0]
    codec = stream.codec_context.name if stream.codec_context is not None else ""
    if codec not in SOUND_CODECS and not codec.startswith("pcm_"):
        raise asset.invalid(
            AssetFault.UNSUPPORTED_CODEC, f"has sound of codec {codec or 'unknown'}, which is not supported"
        )
    return stream


def sound_length(asset: Asset) -> int:
    """Return how many samples at 48 kHz a sound has, by decoding it.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    return sum(piece.shape[1] for piece in decode_sound(asset))


def has_sound(asset: Asset) -> bool:
    """Tell whether a clip has a sound track."""
    with opened(asset, FileClass.CLIP) as (container, _):
        return bool(container.streams.audio)
