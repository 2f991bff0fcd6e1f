"""Content hashes of a render's media, by which segments name what they show."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from render_service.compositor.media.assets import Asset, Media


@dataclass(frozen=True, slots=True)
class ShotHashes:
    """SHA-256 of a shot's files, in hexadecimal; None where the shot has none. Those of layers by `layer_field`."""

    image: str | None = None
    clip: str | None = None
    narration: str | None = None
    layers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MediaHashes:
    """Hashes of all files of a render, and for each hash a file with that content and the field that names it.

    `dubs` are the narrations of further tracks of sound, by shot id.
    """

    shots: Mapping[str, ShotHashes] = field(default_factory=dict)
    music: str | None = None
    watermark: str | None = None
    layers: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, Asset] = field(default_factory=dict)
    dubs: tuple[Mapping[str, str], ...] = ()

    def dubbed(self, place: int) -> "MediaHashes":
        """Return the hashes with the narrations of a further track of sound, which is the one at a place."""
        narrations = self.dubs[place]
        shots = {
            shot_id: replace(self.shots.get(shot_id, ShotHashes()), narration=narrations.get(shot_id))
            for shot_id in {*self.shots, *narrations}
        }
        return replace(self, shots=shots)


def name_media(media: Media, hashes: Mapping[Path, str]) -> MediaHashes:
    """Return the hashes of a render's files by the place that each has in it."""

    def of(path: Path | None) -> str | None:
        return hashes[path] if path else None

    def of_all(paths: Mapping[str, Path]) -> dict[str, str]:
        return {name: hashes[path] for name, path in paths.items()}

    shots = {
        shot_id: ShotHashes(of(shot.image), of(shot.clip), of(shot.narration), of_all(shot.layers))
        for shot_id, shot in media.shots.items()
    }
    dubs = tuple({shot_id: hashes[path] for shot_id, path in dub.narrations.items()} for dub in media.dubs)
    assets: dict[str, Asset] = {}
    for asset in media.assets():
        assets.setdefault(hashes[asset.path], asset)
    for sha256, path in media.fonts.items():
        assets.setdefault(sha256, Asset(path, "font"))
    return MediaHashes(shots, of(media.music), of(media.watermark), of_all(media.layers), assets, dubs)
