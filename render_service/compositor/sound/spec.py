"""What the sound of a video is made from. Its bytes are a pure function of this, and its key is the hash of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from render_service.domain.canonical import canonical_bytes, from_canonical
from render_service.domain.jobs.job import AudioTrackKind
from render_service.domain.projects.looks.sounds import SoundRole
from render_service.domain.projects.output import Container, Loudness, Quality

MOST_GAIN_DB = 20.0
"""The most by which a sound is amplified: more would make noise audible that its maker did not hear."""


@dataclass(frozen=True, slots=True)
class NarrationTrack:
    """A spoken narration, heard from sample `start` to sample `end` (excluded).

    `sound` is the SHA-256 of its file, in hexadecimal.
    """

    sound: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SoundPart:
    """A part of a file, its start and length in samples of the file, played at a speed, once or again and again."""

    start: int
    length: int
    speed: float = 1.0
    loops: bool = False


@dataclass(frozen=True, slots=True)
class ClipTrack:
    """The sound of a clip, as `NarrationTrack`.

    `fade_in` and `fade_out` are the lengths of its fades in samples, `volume` is a linear gain; `part` None is the
    whole.
    """

    sound: str
    start: int
    end: int
    fade_in: int
    fade_out: int
    volume: float = 1.0
    part: SoundPart | None = None


@dataclass(frozen=True, slots=True)
class MusicTrack:
    """The music, from the start of the video.

    Args:
        sound: SHA-256 of its file, in hexadecimal.
        volume: Linear gain, 0–1.
        loop: Whether it begins again where it ends before the video does.
        fade_in: Length of its fade in samples.
        fade_out: Length of its fade in samples.
        duck: Whether it is quieter while a narration is heard.
    """

    sound: str
    volume: float
    loop: bool
    fade_in: int
    fade_out: int
    duck: bool


@dataclass(frozen=True, slots=True)
class FurtherSound:
    """A sound besides narrations, clips and the music.

    Args:
        sound: SHA-256 of its file, in hexadecimal.
        role: What it is.
        start: Its first sample in the video; None follows the music before it.
        length: How long it is heard at most, in samples; None is to its end, or if it loops to that of the video.
        part: Which part of its file is heard.
        volume: Linear gain.
        fade_in: Length of its fade in samples.
        fade_out: Length of its fade in samples.
    """

    sound: str
    role: SoundRole
    start: int | None
    length: int | None
    part: SoundPart
    volume: float
    fade_in: int
    fade_out: int


@dataclass(frozen=True, slots=True)
class SoundSpec:
    """Everything that can change the bytes of a video's sound. All positions and lengths are samples at 48 kHz.

    Args:
        build: Names the build of everything that mixes and encodes.
        samples: Length of the video.
        container: File format of the video, which decides the codec.
        quality: Quality of the video, which decides the bit rate.
        narrations: In the order of the shots.
        clips: In the order of the shots. A clip without a sound track is silent.
        music: None without music.
        loudness: How loud the finished sound is.
        stems: Whether its parts are kept, too.
        sounds: What else is heard: those of the project, then those of the shots.
    """

    build: str
    samples: int
    container: Container
    quality: Quality
    narrations: tuple[NarrationTrack, ...] = ()
    clips: tuple[ClipTrack, ...] = ()
    music: MusicTrack | None = None
    loudness: Loudness = Loudness.ONLINE
    stems: bool = False
    sounds: tuple[FurtherSound, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the canonical form."""
        return canonical_bytes(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the canonical form."""
        return from_canonical(cls, content)


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """What was made, as measured on the encoded sound.

    Args:
        silent: Whether nothing sounds.
        integrated_lufs: Integrated loudness (BS.1770-4); −inf for silence.
        true_peak_dbtp: True peak (BS.1770-4); −inf for silence.
        packets: SHA-256 of the coded packets, 64 hexadecimal digits: the same packets sound the same in another file.
        quiet: Content hashes of sounds that stay too quiet, as amplifying them further would amplify their noise.
        stems: The stems that lie beside the sound; see `stem_file`.
    """

    silent: bool
    integrated_lufs: float
    true_peak_dbtp: float
    packets: str
    quiet: tuple[str, ...] = ()
    stems: tuple[AudioTrackKind, ...] = ()


def stem_file(sound: Path, kind: AudioTrackKind) -> Path:
    """Return where a stem lies beside a finished sound."""
    return sound.with_name(f"{sound.name}-{kind}.flac")
