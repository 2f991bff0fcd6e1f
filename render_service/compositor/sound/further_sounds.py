"""Further sounds of a video: which is heard when, once the lengths of their files are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from render_service.compositor.media.assets import Asset
from render_service.compositor.media.sounds import SoundReader, sound_length
from render_service.compositor.sound.clip_sounds import PartReader
from render_service.compositor.sound.ducking import Span
from render_service.compositor.sound.spec import FurtherSound
from render_service.domain.projects.looks.sounds import SoundRole


@dataclass(frozen=True, slots=True)
class PlacedSound:
    """A sound and when it is heard, in samples of the video."""

    sound: FurtherSound
    asset: Asset
    span: Span

    def open(self) -> SoundReader:
        """Open its file where it begins."""
        return PartReader(self.asset, self.sound.part)

    @property
    def fades(self) -> tuple[int, int]:
        """The lengths of its fades, shortened in proportion if they are longer than the sound."""
        rise, fall, length = self.sound.fade_in, self.sound.fade_out, self.span.end - self.span.start
        if rise + fall <= length:
            return rise, fall
        return length * rise // (rise + fall), length * fall // (rise + fall)


def placed_sounds(sounds: tuple[FurtherSound, ...], assets: Mapping[str, Asset], total: int) -> Iterator[PlacedSound]:
    """Yield the sounds that are heard at all.

    Args:
        sounds: In order; music without a start follows the music before it.
        assets: The local files that they name, by content hash.
        total: Length of the video in samples.

    Raises:
        RenderFailure: ASSET_INVALID for a sound that cannot be decoded.
    """
    music_ends = 0
    for sound in sounds:
        asset = assets[sound.sound]
        start = music_ends if sound.start is None else sound.start
        length = sound.length
        if not sound.part.loops:
            left = max(0, sound_length(asset) - sound.part.start)
            length = left if length is None else min(length, left)
        end = total if length is None else min(total, start + length)
        if sound.role is SoundRole.MUSIC:
            music_ends = end
        if end > start:
            yield PlacedSound(replace(sound, start=start), asset, Span(start, end))
