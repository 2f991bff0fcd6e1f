"""Writes the mix and its parts as files of their own: the parts add up to the mix."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from render_service.compositor.media.sound_format import SAMPLE_RATE, Sound
from render_service.compositor.sound.spec import stem_file
from render_service.compositor.sound.tracks import Track, mixed
from render_service.domain.jobs.job import AudioTrackKind

_FULL_SCALE = 2**23 - 1
_UNUSED_BITS = 8  # FLAC takes 24 bits from the top of 32


def write_stems(
    tracks: Mapping[AudioTrackKind, Sequence[Track]], gains: Iterable[Sound], total: int, sound: Path
) -> tuple[AudioTrackKind, ...]:
    """Write a FLAC file for the mix and for each part of it in which something is heard: 48 kHz, stereo, 24 bits.

    Args:
        tracks: The sounds of the mix, levelled, by what they are.
        gains: The gain that the mix gets, block by block, as `limiting_gain` returns it.
        total: Length in samples.
        sound: The finished sound, beside which the files lie; see `spec.stem_file`.

    Returns:
        What was written.
    """
    parts = {kind: mixed(of_kind, total) for kind, of_kind in tracks.items() if of_kind}
    with ExitStack() as stack:
        writers = {
            kind: stack.enter_context(FlacWriter(stem_file(sound, kind))) for kind in (AudioTrackKind.MIX, *parts)
        }
        for gain in gains:
            blocks = {kind: next(part) * gain for kind, part in parts.items()}
            for kind, block in blocks.items():
                writers[kind].write(block)
            if blocks:
                writers[AudioTrackKind.MIX].write(np.sum(list(blocks.values()), axis=0, dtype=np.float32))
    for kind, writer in writers.items():
        if writer.is_silent:
            stem_file(sound, kind).unlink()
    return tuple(kind for kind, writer in writers.items() if not writer.is_silent)


class FlacWriter:
    """Writes a FLAC file block by block: 48 kHz, stereo, 24 bits. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w", format="flac")
        self._stream = self._container.add_stream("flac", rate=SAMPLE_RATE)
        self._stream.layout = "stereo"
        self._stream.format = "s32"
        self._at = 0
        self.is_silent = True
        """Whether nothing but silence was written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def write(self, block: Sound) -> None:
        """Write (2, n) samples."""
        whole = np.clip(np.rint(block * np.float64(_FULL_SCALE)), -_FULL_SCALE, _FULL_SCALE).astype(np.int32)
        self.is_silent = self.is_silent and not whole.any()
        packed = np.ascontiguousarray((whole << _UNUSED_BITS).T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s32", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, self._at, Fraction(1, SAMPLE_RATE)
        self._at += block.shape[1]
        self._container.mux(self._stream.encode(frame))
