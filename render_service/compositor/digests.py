"""Content hashes of a render's media, by which segments name what they show."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from render_service.compositor.media import Media


@dataclass(frozen=True, slots=True)
class ShotDigests:
    """SHA-256 of a shot's files, in hexadecimal; None where the shot has none."""

    image: str | None = None
    clip: str | None = None
    narration: str | None = None


@dataclass(frozen=True, slots=True)
class MediaDigests:
    """Hashes of all files of a render, and the file for each hash."""

    shots: Mapping[str, ShotDigests] = field(default_factory=dict)
    music: str | None = None
    watermark: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


async def digest_media(media: Media) -> MediaDigests:
    """Hash all files of a render; each file once."""
    paths = {path for shot in media.shots.values() for path in (shot.image, shot.clip, shot.narration) if path}
    paths |= {path for path in (media.music, media.watermark) if path}
    listed = sorted(paths)
    digests = await asyncio.gather(*(asyncio.to_thread(_digest, path) for path in listed))
    by_path = dict(zip(listed, digests, strict=True))

    def of(path: Path | None) -> str | None:
        return by_path[path] if path else None

    return MediaDigests(
        {
            shot_id: ShotDigests(of(shot.image), of(shot.clip), of(shot.narration))
            for shot_id, shot in media.shots.items()
        },
        of(media.music),
        of(media.watermark),
        {digest: path for path, digest in by_path.items()},
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
