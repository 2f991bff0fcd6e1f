"""What the stages of a composition share on disk: the request, the plan, and the files that they write.

So what grows with a render crosses no pipe, and keeps no event loop busy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from render_service.compositor.encoding.chapter import Chapter
from render_service.compositor.encoding.sprite_sheet import SpriteSheet
from render_service.compositor.media.assets import Media
from render_service.domain.canonical import canonical_bytes, from_canonical
from render_service.domain.jobs.job import RenderSpec
from render_service.domain.projects.media import MediaFacts
from render_service.domain.projects.output import OutputSpec
from render_service.domain.warning import JobWarning

CHAPTERS_NAME = "chapters.vtt"
TIMELINE_NAME = "timeline.otio"
THUMBNAILS_NAME = "thumbnails.jpg"
THUMBNAIL_TIMES_NAME = "thumbnails.vtt"


@dataclass(frozen=True, slots=True)
class Request:
    """What is composed: a render, its usable files by hash, their measured lengths, and what identifies its video.

    `drawn` is the output whose pictures are scaled for it, None where it has its own.
    """

    spec: RenderSpec
    media: Media
    facts: Mapping[str, MediaFacts]
    hashes: Mapping[Path, str]
    content_id: str = ""
    drawn: OutputSpec | None = None

    @property
    def pictures(self) -> RenderSpec:
        """The render as its pictures are drawn."""
        drawn, output = self.drawn, self.spec.output
        if drawn is None:
            return self.spec
        form = replace(
            output,
            width=drawn.width,
            height=drawn.height,
            quality=drawn.quality,
            container=drawn.container,
            codec=drawn.codec,
        )
        return replace(self.spec, output=form)

    def write(self, parts: Path) -> None:
        """Store it for the stages."""
        (parts / "request.json").write_bytes(canonical_bytes(self))

    @classmethod
    def read(cls, parts: Path) -> Self:
        """Read what was stored."""
        return from_canonical(cls, (parts / "request.json").read_bytes())


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A segment that is planned.

    Args:
        key: Its name; its spec is the file `<key>.spec`, it is to be the file `<key>.mkv`.
        frames: Its length.
        assets: The hashes of the files that it shows.
    """

    key: str
    frames: int
    assets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A composition, planned.

    Args:
        frames: Length of the video.
        segments: In order; segments with equal content have equal keys.
        stills: For every shot, the segment and the frame of it that show it best.
        poster: The still that is the poster of the video.
        sprites: The layout of the sprite sheet; None where none is asked for.
        thumbnails: The stills on it.
        chapters: One a shot.
        has_sound: Whether there are sounds to mix: their specs are the files `sound.spec`, `sound-1.spec`, …
        sounds: The hashes of the audible files of each track of sound, the main one first.
        warnings: What the plan changes of what the project asks for.
    """

    frames: int
    segments: tuple[SegmentRef, ...]
    stills: tuple[tuple[str, int], ...]
    poster: tuple[str, int]
    sprites: SpriteSheet | None
    thumbnails: tuple[tuple[str, int], ...]
    chapters: tuple[Chapter, ...]
    has_sound: bool
    sounds: tuple[tuple[str, ...], ...]
    warnings: tuple[JobWarning, ...]

    @classmethod
    def read(cls, parts: Path) -> Self:
        """Read what `plan_composition` stored."""
        return from_canonical(cls, (parts / "plan.json").read_bytes())


def video_name(output: OutputSpec) -> str:
    """Return the file name of the finished video."""
    return f"video.{output.container.value}"


def spec_file(parts: Path, key: str) -> Path:
    """Return where the spec of a segment lies."""
    return parts / f"{key}.spec"


def segment_file(parts: Path, key: str) -> Path:
    """Return where a segment lies once it is made."""
    return parts / f"{key}.mkv"


def sound_spec_file(parts: Path, track: int = 0) -> Path:
    """Return where the spec of a track of sound lies, the main one or a further one."""
    return sound_file(parts, track).with_suffix(".spec")


def sound_file(parts: Path, track: int = 0) -> Path:
    """Return where a track of sound lies once it is mixed."""
    return parts / (f"sound-{track}" if track else "sound")
