"""The local files that a render works on, and how a fault of one of them is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.projects.sequence import INTRO_ID, OUTRO_ID


@dataclass(frozen=True, slots=True)
class ShotMedia:
    """The files of one shot, already fetched; None where the shot has none."""

    image: Path | None = None
    clip: Path | None = None
    narration: Path | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """The files of a whole render: per shot id, and the music and the watermark that all shots share."""

    shots: Mapping[str, ShotMedia] = field(default_factory=dict)
    music: Path | None = None
    watermark: Path | None = None


class AssetFault(StrEnum):
    """What can be wrong with a file that a project names; told as `fault` in the metadata of ASSET_INVALID."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    NOT_A_VIDEO = "not_a_video"
    NOT_A_SOUND = "not_a_sound"
    WRONG_TYPE = "wrong_type"
    TRUNCATED = "truncated"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LONG = "too_long"
    UNSUPPORTED_CODEC = "unsupported_codec"
    MARKUP = "markup"
    PLAYLIST = "playlist"


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """How large media may be: pixels of a picture or a clip's frame, seconds of a clip, narration or music."""

    image_pixels: int = 120_000_000
    clip_pixels: int = 36_000_000
    seconds: int = 4 * 3600


DEFAULT_LIMITS = MediaLimits()

_PROJECT_CLIPS = {INTRO_ID: "intro_clip_uri", OUTRO_ID: "outro_clip_uri"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file with the place it has in the project, so that a fault of it can be told.

    `shot_id` is None for what all shots share; `field` is the name of the field in the contract, such as `image_uri`.
    """

    path: Path
    field: str
    shot_id: str | None = None

    def invalid(self, fault: AssetFault, what: str) -> RenderFailure:
        """Return the failure that tells of a fault.

        Args:
            fault: The kind of fault.
            what: The fault in words, continuing a sentence that begins with the asset: `is empty`.
        """
        owner = f"shot {self.shot_id}" if self.shot_id is not None else "the project"
        metadata = {"field": self.field, "fault": fault.value}
        if self.shot_id is not None:
            metadata["shot_id"] = self.shot_id
        return RenderFailure(ErrorReason.ASSET_INVALID, f"{self.field} of {owner} {what}", metadata)


def image_asset(shot_id: str, path: Path) -> Asset:
    """Return a shot's still picture as an asset."""
    return Asset(path, "image_uri", shot_id)


def clip_asset(shot_id: str, path: Path) -> Asset:
    """Return a shot's clip as an asset; those of the intro and the outro have fields of their own in the project."""
    if shot_id in _PROJECT_CLIPS:
        return Asset(path, _PROJECT_CLIPS[shot_id])
    return Asset(path, "clip_uri", shot_id)


def narration_asset(shot_id: str, path: Path) -> Asset:
    """Return a shot's spoken narration as an asset."""
    return Asset(path, "narration_audio_uri", shot_id)


def music_asset(path: Path) -> Asset:
    """Return the project's music as an asset."""
    return Asset(path, "music.uri")


def watermark_asset(path: Path) -> Asset:
    """Return the picture that lies over the whole video as an asset."""
    return Asset(path, "watermark.uri")
