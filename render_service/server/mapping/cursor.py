"""Cursors of WatchWorkspace: opaque to callers, and good for one workspace only."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from render_service.db.jobs.workspace_events import EventPosition
from render_service.domain.errors import FieldFault, InvalidFields

_BODY = struct.Struct(">BQQ")  # version, transaction id, event id
_VERSION = 1
_CHECKSUM_BYTES = 8


def encode_cursor(position: EventPosition, workspace_id: str) -> str:
    """Return the cursor of a position in the events of a workspace."""
    body = _BODY.pack(_VERSION, position.xid, position.id)
    return urlsafe_b64encode(body + _checksum(body, workspace_id)).decode().rstrip("=")


def decode_cursor(cursor: str, workspace_id: str) -> EventPosition:
    """Return the position that a cursor encodes.

    The checksum detects mistakes, not forgery: a position gives no access, since events are read within the workspace.

    Raises:
        InvalidFields: `encode_cursor` did not make it for this workspace.
    """
    try:
        data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        version, xid, event_id = _BODY.unpack(data[: _BODY.size])
    except (ValueError, struct.error):
        raise _invalid() from None
    position = EventPosition(xid, event_id)
    known = version == _VERSION and max(xid, event_id) < 2**63
    if not known or encode_cursor(position, workspace_id) != cursor:
        raise _invalid()
    return position


def _checksum(body: bytes, workspace_id: str) -> bytes:
    return sha256(body + workspace_id.encode()).digest()[:_CHECKSUM_BYTES]


def _invalid() -> InvalidFields:
    return InvalidFields([FieldFault("cursor", "is not a cursor of this workspace")])
