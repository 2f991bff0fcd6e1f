"""The layout of the object store: which key holds what, and which keys are valid."""

import re
from uuid import UUID

MAX_KEY_LENGTH = 512
STREAM_FOLDER = ".stream"
"""Holds the files of the stream of an attempt; no output has this name."""
SIGNED_FOLDER = ".signed"
"""Holds playlists with pre-signed URLs, made from those of the stream."""
_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._=-]{1,128}", re.ASCII)
_HEX_KEY = re.compile(r"[0-9a-f]{16,128}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def check_key(key: str) -> str:
    """Return the key if it is valid.

    Args:
        key: Segments of 1–128 characters `A–Z a–z 0–9 . _ = -` joined by `/`, neither `.` nor `..` among them; at most
            `MAX_KEY_LENGTH` characters.

    Raises:
        ValueError: It is not; an invalid key is a bug in this service, never a caller's fault.
    """
    if len(key) > MAX_KEY_LENGTH or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ValueError(f"not a key of the object store: {key!r}")
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix without a trailing `/`; empty means the whole store.

    Raises:
        ValueError: It is neither empty nor a valid key.
    """
    trimmed = prefix.removesuffix("/")
    return check_key(trimmed) if trimmed else ""


def file_key(workspace_id: str, job_id: UUID, attempt: int, name: str) -> str:
    """Return the key of a file made by one attempt of a job.

    Attempts never share a key, so an attempt that lost its lease without noticing cannot overwrite anything.

    Args:
        workspace_id: The job's workspace.
        job_id: The job.
        attempt: Which attempt, from 1.
        name: The file's name, such as `video.mp4`; that of one of several outputs follows its name: `square/video.mp4`.
    """
    return check_key(f"videos/{workspace_id}/{job_id}/{attempt}/{name}")


def attempt_prefix(workspace_id: str, job_id: UUID, attempt: int) -> str:
    """Return the prefix of everything one attempt of a job stores."""
    return check_key(f"videos/{workspace_id}/{job_id}/{attempt}")


def job_prefix(workspace_id: str, job_id: UUID) -> str:
    """Return the prefix of everything the attempts of a job store."""
    return check_key(f"videos/{workspace_id}/{job_id}")


def segment_key(workspace_id: str, key: str) -> str:
    """Return the key of a rendered segment.

    Workspaces share no segments: who guesses what another one renders must not notice that it is there already.

    Args:
        workspace_id: The workspace that it was rendered for.
        key: The segment's hash, 16–128 lower-case hexadecimal digits.
    """
    if not _HEX_KEY.fullmatch(key):
        raise ValueError(f"not a segment hash: {key!r}")
    return check_key(f"segments/{workspace_id}/{key[:2]}/{key}.mp4")


def asset_key(workspace_id: str, job_id: UUID, attempt: int, sha256: str) -> str:
    """Return the key of a copy of a caller's asset, from which other workers render the segments of one attempt.

    Args:
        workspace_id: The job's workspace.
        job_id: The job.
        attempt: Which attempt, from 1.
        sha256: Hash of the bytes, 64 lower-case hexadecimal digits.
    """
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return check_key(f"{asset_prefix(workspace_id, job_id, attempt)}/{sha256}")


def asset_prefix(workspace_id: str, job_id: UUID, attempt: int | None = None) -> str:
    """Return the prefix of the assets of one attempt of a job, or of all its attempts."""
    prefix = f"assets/{workspace_id}/{job_id}"
    return check_key(prefix if attempt is None else f"{prefix}/{attempt}")


def font_key(workspace_id: str, sha256: str, font_id: UUID) -> str:
    """Return the key of a font that a workspace has uploaded.

    Fonts never share an object, so that one can be deleted while an equal one is being uploaded.

    Args:
        workspace_id: The workspace.
        sha256: Hash of the bytes, 64 lower-case hexadecimal digits.
        font_id: The font.
    """
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return check_key(f"fonts/{workspace_id}/{sha256}/{font_id}")


def clip_key(workspace_id: str, sha256: str) -> str:
    """Return the key of a clip that a provider generated for a workspace.

    Args:
        workspace_id: The workspace that paid for it.
        sha256: Hash of the bytes, 64 lower-case hexadecimal digits.
    """
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return check_key(f"clips/{workspace_id}/{sha256[:2]}/{sha256}.mp4")
