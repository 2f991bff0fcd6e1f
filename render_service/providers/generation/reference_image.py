"""The picture that a clip starts from."""

import hashlib
from pathlib import Path

from render_service.providers.clip_provider import Picture

# First bytes of what the providers take: JPEG, PNG, WebP (after the length of its RIFF).
_JPEG, _PNG, _RIFF, _WEBP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"WEBP"


def picture_at(uri: str, path: Path) -> tuple[Picture, str]:
    """Look at a fetched picture.

    Args:
        uri: Where it came from.
        path: The file.

    Returns:
        The picture with its media type as its first bytes tell it, and the SHA-256 of its bytes.
    """
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Picture(uri, path, _media_type(head)), digest


def _media_type(head: bytes) -> str:
    if head.startswith(_JPEG):
        return "image/jpeg"
    if head.startswith(_PNG):
        return "image/png"
    if head.startswith(_RIFF) and head[8:12] == _WEBP:
        return "image/webp"
    return "application/octet-stream"
