"""What a shot shows, as a type: decided from the fields of the contract, and again once its files are known."""

from dataclasses import dataclass
from typing import assert_never

from render_service.domain.projects.project import Card, Shot


@dataclass(frozen=True, slots=True)
class StillSource:
    """The picture file at `Shot.image_uri`."""

    uri: str


@dataclass(frozen=True, slots=True)
class ClipSource:
    """The video file at `Shot.clip_uri`, or at `Project.intro_clip_uri` or `outro_clip_uri`."""

    uri: str


@dataclass(frozen=True, slots=True)
class GeneratedSource:
    """A clip that a provider makes for this render. It has a file, but no URI."""


@dataclass(frozen=True, slots=True)
class CardSource:
    """A title card or an end card."""

    card: Card


@dataclass(frozen=True, slots=True)
class PlaceholderSource:
    """A card with the shot's visual description, for a shot that has neither picture nor clip."""

    text: str


@dataclass(frozen=True, slots=True)
class BackgroundSource:
    """A designed background, for a shot whose card is all that it shows."""


ShotSource = StillSource | ClipSource | GeneratedSource | CardSource | PlaceholderSource | BackgroundSource


def declared_source(shot: Shot) -> StillSource | ClipSource | PlaceholderSource | BackgroundSource:
    """Return the source that a shot of the storyboard declares: a picture or a clip, never both in a valid project."""
    if shot.clip_uri:
        return ClipSource(shot.clip_uri)
    if shot.image_uri:
        return StillSource(shot.image_uri)
    return _without_file(shot)


def _without_file(shot: Shot) -> PlaceholderSource | BackgroundSource:
    return PlaceholderSource(shot.visual_description) if shot.card is None else BackgroundSource()


def resolved_source(shot: Shot, declared: ShotSource, *, has_clip: bool, has_image: bool) -> ShotSource:
    """Return what a shot shows, given the files that exist.

    A clip that the shot does not declare was generated for it. A shot without a usable file falls back to a
    placeholder (`BadAssetPolicy.CARD`).

    Args:
        shot: The shot.
        declared: The source that it declares.
        has_clip: Whether there is a clip file for it; takes precedence over a picture.
        has_image: Whether there is a picture file for it.
    """
    if has_clip:
        return declared if isinstance(declared, ClipSource) else GeneratedSource()
    if has_image:
        return declared if isinstance(declared, StillSource) else StillSource(shot.image_uri)
    return declared if isinstance(declared, CardSource) else _without_file(shot)


def is_clip(source: ShotSource) -> bool:
    """Return whether a source is a moving picture."""
    match source:
        case ClipSource() | GeneratedSource():
            return True
        case StillSource() | CardSource() | PlaceholderSource() | BackgroundSource():
            return False
        case _:
            assert_never(source)
