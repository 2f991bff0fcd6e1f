"""Reads the sound of a clip as its shot plays it: a part of it, faster or slower at the same pitch, again and again."""

from collections.abc import Generator

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sound_format import Sound
from render_service.compositor.media.sounds import SoundReader, cut_sound, decode_sound
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
        cut = cut_sound(decode_sound(self._asset), self._part.start, self._part.length)
        yield from cut if self._part.speed == 1 else stretched(cut, self._part.speed)
