"""What a segment is made of. Its bytes are a pure function of this, and its key is the hash of it."""

from dataclasses import dataclass
from typing import Self

from render_service.compositor.frames.format import PictureFormat
from render_service.compositor.segments.layers import AnyDrawn, DrawnLayer
from render_service.domain.canonical import canonical_bytes, from_canonical
from render_service.domain.layers.brand import Brand
from render_service.domain.projects.looks.clips import Playback
from render_service.domain.projects.project import Direction, Fit, Motion, TransitionKind


@dataclass(frozen=True, slots=True)
class DrawnStill:
    """A picture file, named by the SHA-256 of its content."""

    still: str
    fit: Fit | None


@dataclass(frozen=True, slots=True)
class DrawnCard:
    """A designed card with a text; `theme` and `brand` pick its colours, `seed` its light.

    `brand` has only what is seen: no fonts of texts that the card has not.

    A card with a `subtitle`, even an empty one, is a title or end card; others stand in for a picture.
    """

    card: str
    seed: str
    theme: str
    language: str
    subtitle: str | None = None
    brand: Brand | None = None


@dataclass(frozen=True, slots=True)
class DrawnClip:
    """A video file, named by the SHA-256 of its content, shown from its start; its last frame stays.

    With `playback` it is played as that says.
    """

    clip: str
    fit: Fit | None
    playback: Playback | None = None


DrawnSource = DrawnStill | DrawnCard | DrawnClip


@dataclass(frozen=True, slots=True)
class ShotStretch:
    """A stretch of one shot.

    Args:
        source: What is seen.
        motion: How the camera moves over it, decided.
        frames: Length of the whole shot, over which the movement runs.
        first: Which of the shot's frames the segment begins with.
        layers: What is drawn over the shot; their frames count from the segment's first.
    """

    source: DrawnSource
    motion: Motion
    frames: int
    first: int
    layers: tuple[DrawnLayer, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """Everything that can change a segment's bytes.

    Args:
        build: Names the build of everything that draws and encodes.
        picture: Form of the frames.
        frames: How many there are.
        shot: The shot that is shown; in a transition, the outgoing one.
        incoming: The incoming shot of a transition.
        transition: The transition; CUT if there is none.
        direction: Where the transition moves to.
        softness: Width of its edge, 0–1; None is its own.
        angle: Where a wipe moves to, in degrees clockwise from the right; None is `direction`.
        mask: SHA-256 of the picture of a LUMA transition; empty for others.
        layers: What is drawn over the pictures of the shots, the last on top: layers, captions, the watermark.
        rendition: Form of the frames as they are encoded, if another than that in which they are drawn: videos of one
            shape share the pictures of the largest.
        keyframes: Which frames must be keyframes beside the first, in order.
    """

    build: str
    picture: PictureFormat
    frames: int
    shot: ShotStretch
    incoming: ShotStretch | None = None
    transition: TransitionKind = TransitionKind.CUT
    direction: Direction = Direction.LEFT
    softness: float | None = None
    angle: float | None = None
    mask: str = ""
    layers: tuple[AnyDrawn, ...] = ()
    rendition: PictureFormat | None = None
    keyframes: tuple[int, ...] = ()

    @property
    def encoded(self) -> PictureFormat:
        """Form of the frames as they are encoded."""
        return self.rendition or self.picture

    def to_bytes(self) -> bytes:
        """Return the canonical form."""
        return canonical_bytes(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the canonical form."""
        return from_canonical(cls, content)
