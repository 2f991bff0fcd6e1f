"""The picture that a generated clip starts from, which is checked before anything is submitted."""

import hashlib
from pathlib import Path

from render_service.domain.errors import ErrorReason, RenderFailure
from render_service.domain.jobs.job import ProviderName
from render_service.domain.projects.file_signatures import HEAD_BYTES, sniff
from render_service.providers.provider_api import Picture, PictureLimits


def picture_at(uri: str, path: Path) -> tuple[Picture, str]:
    """Describe a fetched picture.

    Args:
        uri: The URI that it was fetched from.
        path: The file.

    Returns:
        The picture, whose format its first bytes identify, and the SHA-256 of its bytes.
    """
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD_BYTES))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Picture(uri, path, kind.media_type, kind.name, path.stat().st_size), digest


def check_picture(shot_id: str, picture: Picture, provider: ProviderName, limits: PictureLimits) -> None:
    """Check that a provider takes a picture.

    Args:
        shot_id: The shot that the picture belongs to.
        picture: The picture.
        provider: The provider.
        limits: What it takes.

    Raises:
        RenderFailure: ASSET_INVALID, naming shot, field and fault.
    """
    found = limits.fault_of(picture)
    if found is not None:
        fault, description = found
        raise RenderFailure(
            ErrorReason.ASSET_INVALID,
            f"{shot_id}.image_uri: {provider} {description}",
            {"field": "image_uri", "fault": fault, "shot_id": shot_id, "provider": provider.value},
        )
