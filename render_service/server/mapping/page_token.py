"""Page tokens (https://google.aip.dev/158): opaque to callers, and good for one list with one filter only."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from google.protobuf.message import Message

from render_service.db.jobs.job_lists import Position
from render_service.domain.errors import DomainError, ErrorReason

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BODY = struct.Struct(">Bq16s")  # version, microseconds since the epoch, id
_VERSION = 1
_CHECKSUM_BYTES = 12


def binding_of(request: Message) -> bytes:
    """Return what ties a token to a request: its type, workspace and filter; all but the page's size and token."""
    bound = type(request)()
    bound.CopyFrom(request)
    for field in ("page_size", "page_token"):
        bound.ClearField(field)
    name = request.DESCRIPTOR.full_name.encode()
    return sha256(name + b"\0" + bound.SerializeToString(deterministic=True)).digest()


def encode(position: Position, *, binding: bytes) -> str:
    """Return the token of the page that begins after a position.

    Args:
        position: Where the page before ended.
        binding: What the token is for, from `binding_of`.
    """
    micros = (position.created_at - _EPOCH) // _MICROSECOND
    body = _BODY.pack(_VERSION, micros, position.id.bytes)
    return urlsafe_b64encode(body + _checksum(body, binding)).decode().rstrip("=")


def decode(token: str, *, binding: bytes) -> Position:
    """Return the position that a token encodes.

    The checksum detects mistakes, not forgery: a position gives no access, since pages are read within their workspace.

    Raises:
        DomainError: INVALID_PAGE_TOKEN, unless `encode` made the token with the same binding.
    """
    try:
        data = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        body, checksum = data[: _BODY.size], data[_BODY.size :]
        version, micros, identifier = _BODY.unpack(body)
        position = Position(_EPOCH + micros * _MICROSECOND, UUID(bytes=identifier))
    except (ValueError, struct.error, OverflowError) as error:
        raise _invalid() from error
    # The decoder skips foreign characters, so equal bytes do not yet mean an equal token.
    if version != _VERSION or checksum != _checksum(body, binding) or encode(position, binding=binding) != token:
        raise _invalid()
    return position


def _checksum(body: bytes, binding: bytes) -> bytes:
    return sha256(body + binding).digest()[:_CHECKSUM_BYTES]


def _invalid() -> DomainError:
    return DomainError(
        ErrorReason.INVALID_PAGE_TOKEN, "the page token is not one of this list and filter", {"field": "page_token"}
    )
