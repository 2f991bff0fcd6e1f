"""The local files of a render, and the failures that name one of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.sequence import INTRO_ID, OUTRO_ID
from render_service.domain.projects.word_times import TimingMethod


@dataclass(frozen=True, slots=True)
class ShotMedia:
    """The fetched files of one shot; None where the shot has no such file.

    `timing` is how the times of the narration's words were found, where the service found them in its sound.
    `layers` are the files of its layers and sounds by the fields that name them, such as `layers[0].picture.uri`.
    """

    image: Path | None = None
    clip: Path | None = None
    narration: Path | None = None
    timing: TimingMethod | None = None
    layers: Mapping[str, Path] = field(default_factory=dict)


class AssetFault(StrEnum):
    """What is wrong with a file; `fault` in the metadata of ASSET_INVALID."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    NOT_A_VIDEO = "not_a_video"
    NOT_A_SOUND = "not_a_sound"
    WRONG_TYPE = "wrong_type"
    TRUNCATED = "truncated"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LONG = "too_long"
    TOO_EXPENSIVE = "too_expensive"
    """Decoding it takes more memory or processor time than allowed."""
    UNSUPPORTED_CODEC = "unsupported_codec"
    NOT_FINITE = "not_finite"
    NOT_A_LUT = "not_a_lut"
    NOT_A_LOTTIE = "not_a_lottie"
    MARKUP = "markup"
    PLAYLIST = "playlist"


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits of media.

    Args:
        image_pixels: Pixels of a picture.
        image_bytes: Memory that decoding a picture may take; it holds formats that are decoded whole to fewer pixels.
        clip_pixels: Pixels of a clip's frame.
        seconds: Length of a clip, narration or music.
    """

    image_pixels: int = 120_000_000
    image_bytes: int = 200_000_000
    clip_pixels: int = 36_000_000
    seconds: int = 4 * 3600


DEFAULT_LIMITS = MediaLimits()

_PROJECT_CLIPS = {INTRO_ID: "intro_clip_uri", OUTRO_ID: "outro_clip_uri"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and the field of the project that names it.

    Args:
        path: The local file.
        field: The field's name in the contract, such as `image_uri`.
        shot_id: The shot that the field belongs to; None for the fields of the project.
    """

    path: Path
    field: str
    shot_id: str | None = None

    @property
    def name(self) -> str:
        """The field as messages name it, such as `shot-1.image_uri`."""
        return self.field if self.shot_id is None else f"{self.shot_id}.{self.field}"

    def invalid(self, fault: AssetFault, what: str) -> RenderFailure:
        """Return the failure for a fault of this file.

        Args:
            fault: The kind of fault.
            what: The fault and its remedy in words: `the file is empty; upload it again`.
        """
        metadata = {"field": self.field, "fault": fault.value}
        if self.shot_id is not None:
            metadata["shot_id"] = self.shot_id
        return RenderFailure(ErrorReason.ASSET_INVALID, f"{self.name}: {what}", metadata)

    def renamed(self, failure: RenderFailure) -> RenderFailure:
        """Return an ASSET_INVALID of this file that names another field as one that names this field."""
        return self.invalid(AssetFault(failure.metadata["fault"]), failure.message.partition(": ")[2])


def image_asset(shot_id: str, path: Path) -> Asset:
    """Return the asset of a shot's picture."""
    return Asset(path, "image_uri", shot_id)


def clip_asset(shot_id: str, path: Path) -> Asset:
    """Return the asset of a shot's clip; intro and outro are fields of the project."""
    if shot_id in _PROJECT_CLIPS:
        return Asset(path, _PROJECT_CLIPS[shot_id])
    return Asset(path, "clip_uri", shot_id)


def narration_asset(shot_id: str, path: Path) -> Asset:
    """Return the asset of a shot's narration."""
    return Asset(path, "narration_audio_uri", shot_id)


def music_asset(path: Path) -> Asset:
    """Return the asset of the project's music."""
    return Asset(path, "music.uri")


def watermark_asset(path: Path) -> Asset:
    """Return the asset of the project's watermark."""
    return Asset(path, "watermark.uri")


@dataclass(frozen=True, slots=True)
class Dub:
    """The narrations of a further track of sound: its language as a BCP 47 tag, and its files by shot id."""

    language: str
    narrations: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Media:
    """The files of a render: by shot id, the music, watermark and layers of the project, and further narrations.

    `fonts` are the uploaded fonts by their SHA-256, checked when they were fetched.
    """

    shots: Mapping[str, ShotMedia] = field(default_factory=dict)
    music: Path | None = None
    watermark: Path | None = None
    layers: Mapping[str, Path] = field(default_factory=dict)
    dubs: tuple[Dub, ...] = ()
    fonts: Mapping[str, Path] = field(default_factory=dict)

    def assets(self) -> Iterator[Asset]:
        """Yield all files but fonts with the fields that name them: those of shots, then those of the project."""
        for shot_id, files in self.shots.items():
            if files.image is not None:
                yield image_asset(shot_id, files.image)
            if files.clip is not None:
                yield clip_asset(shot_id, files.clip)
            if files.narration is not None:
                yield narration_asset(shot_id, files.narration)
            for name, path in files.layers.items():
                yield Asset(path, name, shot_id)
        yield from (narration_asset(shot_id, path) for dub in self.dubs for shot_id, path in dub.narrations.items())
        if self.music is not None:
            yield music_asset(self.music)
        if self.watermark is not None:
            yield watermark_asset(self.watermark)
        for name, path in self.layers.items():
            yield Asset(path, name)
