"""Sounds of a shot or a video besides its narrations: what they are, when they are heard, and how loud."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

MAX_SOUNDS = 20


class SoundRole(StrEnum):
    """What a sound is: under a VOICE, MUSIC is lowered; an EFFECT neither lowers anything nor is lowered."""

    VOICE = "voice"
    MUSIC = "music"
    EFFECT = "effect"


@dataclass(frozen=True, slots=True)
class SoundClip:
    """A sound.

    `start` counts from the start of what it belongs to; None is 0, and for music of the project the end of the music
    before it in the list. `offset` is where it begins in its file, `duration` how long it is heard; None is to its end,
    or with `loop` to that of the video. `volume` is a linear gain.
    """

    uri: str
    role: SoundRole = SoundRole.EFFECT
    start: timedelta | None = None
    offset: timedelta = timedelta(0)
    duration: timedelta | None = None
    volume: float = 1.0
    fade_in: timedelta = timedelta(0)
    fade_out: timedelta = timedelta(0)
    loop: bool = False


def sound_field(index: int) -> str:
    """Return the field of a shot or project that names the file of a sound."""
    return f"sounds[{index}].uri"


def sound_files(sounds: Sequence[SoundClip]) -> Iterator[tuple[str, str]]:
    """Yield the fields and URIs of the files of sounds."""
    for index, sound in enumerate(sounds):
        yield sound_field(index), sound.uri
