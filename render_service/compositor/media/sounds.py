"""Decodes sound: any rate, channel layout and supported codec in, blocks of 48 kHz stereo samples out."""

import wave
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import InvalidDataError

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.compositor.media.clocks import ClockShift, start_seconds, straightened
from render_service.compositor.media.demuxing import SOUND_CODECS, clock_shifts_of, open_media
from render_service.compositor.media.resampling import Resampler
from render_service.compositor.media.sniffing import ANIMATED_WEBP, sniff_asset
from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.media.video_decoding import moving_pictures
from render_service.domain.errors import RenderFailure
from render_service.domain.projects.file_signatures import FileClass

# Rates outside of this are no sound; one second at 1 Hz would become 48,000 samples of each one.
_LOWEST_RATE, _HIGHEST_RATE = 2_000, 768_000
_MOST_CHANNELS = 64
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
            for piece in self._pieces():
                heard += piece.shape[1]
                yield piece
            if not self._looped or not heard:
                return

    def _pieces(self) -> Generator[Sound, None, None]:
        """Yield the sound once."""
        return decode_sound(self._asset)


def decode_sound(asset: Asset, warn: Callable[[RenderFailure], None] | None = None) -> Generator[Sound, None, None]:
    """Decode the first sound track of an asset.

    A clip's sound starts at its first picture: earlier samples are dropped, and a later start and gaps are filled with
    silence. A sound file starts at its first sample. Sound that runs off its time stamps is steered back to them.

    Args:
        asset: A sound file or a clip.
        warn: Takes the faults that do not prevent its use, at its end.

    Yields:
        Consecutive blocks of (2, n) samples at 48 kHz, full scale ±1.

    Raises:
        RenderFailure: ASSET_INVALID where there is no sound track, its codec is not supported, or it is damaged.
    """
    kind = sniff_asset(asset, FileClass.SOUND)
    shifts = clock_shifts_of(asset, kind)
    with open_media(asset, FileClass.SOUND) as (container, _):
        stream = sound_stream(asset, container.streams.audio)
        pictures = moving_pictures(container) if kind.file_class is FileClass.CLIP else ()
        resampler = Resampler(start_seconds(pictures[0]) if pictures else None)
        frames = _decoded(asset, container, stream, shifts.get(stream.index, ()))
        yield from resampler.resample(_without_padding(frames, stream) if kind.reader == "mov" else frames)
    if resampler.non_finite and warn is not None:
        what = f"samples that are not finite numbers are silent ({resampler.non_finite:,}); export the sound again"
        warn(asset.invalid(AssetFault.NOT_FINITE, what))


def _decoded(
    asset: Asset, container: InputContainer, stream: AudioStream, shifts: Sequence[ClockShift]
) -> Iterator[AudioFrame]:
    """Decode. A few damaged packets, common between the frames of MP3 files, are skipped as players do."""
    packets = faults = 0
    for packet in straightened(container.demux(stream), shifts):
        packets += 1
        try:
            frames = packet.decode()
        except InvalidDataError:
            faults += 1
            continue
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            _check_rate(asset, frame.sample_rate)
            yield frame
    if faults > max(2, packets * _MOST_FAULTS):
        raise asset.invalid(AssetFault.TRUNCATED, "the sound is damaged; export or upload it again")


def _without_padding(frames: Iterator[AudioFrame], stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield the frames of an MP4 track up to its length: what its encoder added to fill the last one is cut off."""
    if stream.duration is None or stream.time_base is None:
        yield from frames
        return
    end = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    for frame in frames:
        if frame.pts is not None and frame.time_base is not None:
            left = round((end - float(frame.pts * frame.time_base)) * frame.sample_rate)
            if 0 < left < frame.samples:
                yield _shortened(frame, left)
                continue
        yield frame


def _shortened(frame: AudioFrame, samples: int) -> AudioFrame:
    channels = 1 if frame.format.is_planar else frame.layout.nb_channels
    kept = frame.to_ndarray()[:, : samples * channels].copy()
    shortened = AudioFrame.from_ndarray(kept, frame.format.name, frame.layout.name)
    shortened.sample_rate, shortened.pts, shortened.time_base = frame.sample_rate, frame.pts, frame.time_base
    return shortened


def _check_rate(asset: Asset, rate: int) -> None:
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise asset.invalid(
            AssetFault.UNSUPPORTED_CODEC,
            f"a sampling rate of {rate} Hz is not supported; convert the sound to 48000 Hz",
        )


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
    _check_rate(asset, stream.codec_context.sample_rate)
    if stream.codec_context.layout.nb_channels > _MOST_CHANNELS:
        raise asset.invalid(AssetFault.UNSUPPORTED_CODEC, f"more than {_MOST_CHANNELS} channels are not supported")
    return stream


def cut_sound(blocks: Iterable[Sound], start: int, length: int) -> Iterator[Sound]:
    """Yield a part of a sound.

    Args:
        blocks: Consecutive blocks of (2, n) samples.
        start: The part's first sample.
        length: Its most samples; the sound may end earlier.
    """
    place, end = 0, start + length
    for block in blocks:
        first, last = max(start - place, 0), min(end - place, block.shape[1])
        place += block.shape[1]
        if last > first:
            yield block[:, first:last]
        if place >= end:
            return


def write_recording(asset: Asset, length: timedelta, path: Path, start: timedelta = timedelta(0)) -> None:
    """Write a part of a sound as WAV: 16 kHz, 16 bits, one channel.

    Args:
        asset: A sound file, or a clip with a sound track.
        length: The most that is written; the sound may end earlier.
        path: The file to write.
        start: Where the part begins.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    resampler = AudioResampler("s16", "mono", 16_000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        for block in cut_sound(decode_sound(asset), _samples(start), _samples(length)):
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "stereo")
            frame.sample_rate = SAMPLE_RATE
            for made in resampler.resample(frame):
                file.writeframes(made.to_ndarray().tobytes())
        for made in resampler.resample(None):
            file.writeframes(made.to_ndarray().tobytes())


def _samples(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * SAMPLE_RATE // 1_000_000


def sound_length(asset: Asset) -> int:
    """Return the number of samples at 48 kHz that a sound decodes to.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be decoded.
    """
    return sum(piece.shape[1] for piece in decode_sound(asset))


def has_sound(asset: Asset) -> bool:
    """Return whether a clip has a sound track."""
    if sniff_asset(asset, FileClass.CLIP) == ANIMATED_WEBP:
        return False
    with open_media(asset, FileClass.CLIP) as (container, _):
        return bool(container.streams.audio)
