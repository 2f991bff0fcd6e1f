"""Decodes sound: any rate, channel layout and supported codec in, blocks of 48 kHz stereo samples out."""

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
from render_service.compositor.media.demuxing import SOUND_CODECS, open_media
from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.media.video_decoding import start_seconds
from render_service.domain.projects.file_signatures import FileClass

_PIECE = SAMPLE_RATE // 4
# Smaller steps are rounding of time stamps; larger ones are a broken clock, not silence.
_GAP_SECONDS = 0.04
_LONGEST_GAP_SECONDS = 120.0
_MOST_FAULTS = 0.05  # part of the packets


class SoundReader:
    """Reads a sound block by block from its start; beyond its end it returns silence, or loops.

    Args:
        asset: A sound file, or a clip with a sound track.
        looped: Whether it restarts at its end.

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
        """Close the file; may be called twice."""
        self._blocks.close()

    @property
    def ended(self) -> bool:
        """Whether only silence is left."""
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

    A clip's sound starts at its first picture: earlier samples are dropped, and a later start and gaps are filled with
    silence. A sound file starts at its first sample.

    Args:
        asset: A sound file or a clip.

    Yields:
        Consecutive blocks of (2, n) samples at 48 kHz, full scale ±1.

    Raises:
        RenderFailure: ASSET_INVALID where there is no sound track, its codec is not supported, or it is damaged.
    """
    with open_media(asset, FileClass.SOUND) as (container, kind):
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
    """Decode. A few damaged packets, common between the frames of MP3 files, are skipped as players do."""
    packets = faults = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            yield from packet.decode()
        except InvalidDataError:
            faults += 1
    if faults > max(2, packets * _MOST_FAULTS):
        raise asset.invalid(AssetFault.TRUNCATED, "the sound is damaged; export or upload it again")


def _resampled(frames: Iterable[AudioFrame]) -> Iterator[Sound]:
    """Resample frames to 48 kHz stereo. Gaps between time stamps become silence; the input format may change."""
    resampler = _resampler()
    form: tuple[str, str, int] | None = None
    expected = 0.0
    for frame in frames:
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        gap = _seconds(frame) - expected if form is not None else 0.0
        gapped = _GAP_SECONDS < gap < _LONGEST_GAP_SECONDS
        if form is not None and (gapped or found != form):
            # The resampler would close the gap, and accepts one input format only: start a new one.
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
    """Return the first sound track.

    Raises:
        RenderFailure: ASSET_INVALID where there is none or its codec is not supported.
    """
    if not streams:
        raise asset.invalid(AssetFault.NOT_A_SOUND, "the file has no sound track")
    stream = streams[0]
    codec = stream.codec_context.name if stream.codec_context is not None else ""
    if codec not in SOUND_CODECS and not codec.startswith("pcm_"):
        raise asset.invalid(
            AssetFault.UNSUPPORTED_CODEC,
            f"the sound codec {codec or 'unknown'} is not supported; convert to AAC, MP3, FLAC or WAV",
        )
    return stream


def sound_length(asset: Asset) -> int:
    """Return the number of samples at 48 kHz that a sound decodes to.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    return sum(piece.shape[1] for piece in decode_sound(asset))


def has_sound(asset: Asset) -> bool:
    """Return whether a clip has a sound track."""
    with open_media(asset, FileClass.CLIP) as (container, _):
        return bool(container.streams.audio)
