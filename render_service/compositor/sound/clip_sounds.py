"""Reads the sound of a clip as its shot plays it: a part of it, faster or slower at the same pitch, again and again."""

from collections.abc import Generator, Iterator

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import Sound
from render_service.compositor.media.sounds import SoundReader, decode_sound
from render_service.compositor.sound.spec import SoundPart
from render_service.compositor.sound.stretching import stretched


class PartReader(SoundReader):
    """Reads a part of a sound; beyond it there is silence, or the part again.

    Args:
        asset: A sound file, or a clip with a sound track.
        part: Which part, and how it is played.

    Use as a context manager; it holds the file open.
    """

    def __init__(self, asset: Asset, part: SoundPart) -> None:
        self._part = part
        super().__init__(asset, looped=part.loops)

    def _pieces(self) -> Generator[Sound, None, None]:
        cut = _cut(decode_sound(self._asset), self._part.start, self._part.length)
        yield from cut if self._part.speed == 1 else stretched(cut, self._part.speed)


def _cut(blocks: Iterator[Sound], start: int, length: int) -> Iterator[Sound]:
    """Yield the samples from `start` on, `length` of them."""
    place, end = 0, start + length
    for block in blocks:
        first, last = max(start - place, 0), min(end - place, block.shape[1])
        place += block.shape[1]
        if last > first:
            yield block[:, first:last]
        if place >= end:
            return
