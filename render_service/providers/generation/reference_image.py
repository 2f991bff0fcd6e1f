"""The picture that a generated clip starts from."""

import hashlib
from pathlib import Path

from render_service.domain.projects.file_signatures import HEAD_BYTES, sniff
from render_service.providers.provider_api import Picture


def picture_at(uri: str, path: Path) -> tuple[Picture, str]:
    """Describe a fetched picture.

    Args:
        uri: The URI that it was fetched from.
        path: The file.

    Returns:
        The picture, with the media type that its first bytes identify, and the SHA-256 of its bytes.
    """
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD_BYTES))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Picture(uri, path, kind.media_type), digest
