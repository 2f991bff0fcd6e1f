"""Content hashes of a render's media, by which segments name what they show."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from render_service.compositor.media.assets import Media


@dataclass(frozen=True, slots=True)
class ShotHashes:
    """SHA-256 of a shot's files, in hexadecimal; None where the shot has none."""

    image: str | None = None
    clip: str | None = None
    narration: str | None = None


@dataclass(frozen=True, slots=True)
class MediaHashes:
    """Hashes of all files of a render, and the file for each hash."""

    shots: Mapping[str, ShotHashes] = field(default_factory=dict)
    music: str | None = None
    watermark: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


async def hash_files(media: Media) -> Mapping[Path, str]:
    """Hash all files of a render; each file once."""
    paths = {path for shot in media.shots.values() for path in (shot.image, shot.clip, shot.narration) if path}
    paths |= {path for path in (media.music, media.watermark) if path}
    listed = sorted(paths)
    hashes = await asyncio.gather(*(asyncio.to_thread(_file_hash, path) for path in listed))
    return dict(zip(listed, hashes, strict=True))


def name_media(media: Media, hashes: Mapping[Path, str]) -> MediaHashes:
    """Return the hashes of a render's files by the place that each has in it."""

    def of(path: Path | None) -> str | None:
        return hashes[path] if path else None

    shots = {
        shot_id: ShotHashes(of(shot.image), of(shot.clip), of(shot.narration)) for shot_id, shot in media.shots.items()
    }
    files = {sha256: path for path, sha256 in hashes.items()}
    return MediaHashes(shots, of(media.music), of(media.watermark), files)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
