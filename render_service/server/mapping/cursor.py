"""Cursors of WatchWorkspace: opaque to callers, and good for one workspace only."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from render_service.db.access.service_keys import ServiceKeys
from render_service.db.jobs.workspace_events import EventPosition
from render_service.domain.errors import FieldFault, InvalidFields

_POSITION = struct.Struct(">QQ")  # transaction id, event id
_VERSION = b"\x02"
_PLAIN_VERSION = b"\x01"
_PLAIN_CHECKSUM_BYTES = 8


class CursorCodec:
    """Turns positions into cursors and back.

    A position contains a transaction id, which counts the transactions of all workspaces. Cursors are encrypted, so
    that callers cannot read from them how busy others are. AES-SIV (RFC 5297) gives equal positions equal cursors.

    Args:
        key: 32, 48 or 64 secret bytes, the same on all servers.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    def encode(self, position: EventPosition, workspace_id: str) -> str:
        """Return the cursor of a position in the events of a workspace."""
        sealed = self._cipher.encrypt(_POSITION.pack(position.xid, position.id), _bound_to(workspace_id))
        return _to_text(_VERSION + sealed)

    def decode(self, cursor: str, workspace_id: str) -> EventPosition:
        """Return the position that a cursor encodes.

        Cursors of the first version, which are not encrypted, are still accepted: relays keep them across an upgrade. A
        position gives no access, since events are read within the workspace.

        Raises:
            InvalidFields: `encode` did not make it for this workspace.
        """
        try:
            data = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            position = self._open(data, workspace_id)
        except (ValueError, struct.error, InvalidTag):
            raise _invalid() from None
        # The decoder skips foreign characters, so equal bytes do not yet mean an equal cursor.
        if max(position) >= 2**63 or _to_text(data) != cursor:
            raise _invalid()
        return EventPosition(*position)

    def _open(self, data: bytes, workspace_id: str) -> tuple[int, int]:
        version, body = data[:1], data[1:]
        if version == _PLAIN_VERSION:
            return _open_plain(data, workspace_id)
        if version != _VERSION:
            raise ValueError("unknown version")
        xid, event_id = _POSITION.unpack(self._cipher.decrypt(body, _bound_to(workspace_id)))
        return xid, event_id


class Cursors:
    """Opens the codec of cursors when it is first needed: a server starts without it while Postgres is read-only.

    Args:
        keys: The keys in Postgres.
    """

    def __init__(self, keys: ServiceKeys) -> None:
        self._keys = keys
        self._codec: CursorCodec | None = None

    async def codec(self) -> CursorCodec:
        """Return the codec.

        Raises:
            DatabaseUnavailable: The key cannot be read yet.
        """
        if self._codec is None:
            self._codec = CursorCodec(await self._keys.get("cursors"))
        return self._codec


def _bound_to(workspace_id: str) -> list[bytes]:
    return [_VERSION, workspace_id.encode()]


def _open_plain(data: bytes, workspace_id: str) -> tuple[int, int]:
    body, checksum = data[:-_PLAIN_CHECKSUM_BYTES], data[-_PLAIN_CHECKSUM_BYTES:]
    if sha256(body + workspace_id.encode()).digest()[:_PLAIN_CHECKSUM_BYTES] != checksum:
        raise ValueError("wrong checksum")
    xid, event_id = _POSITION.unpack(body[1:])
    return xid, event_id


def _to_text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _invalid() -> InvalidFields:
    return InvalidFields([FieldFault("cursor", "is not a cursor of this workspace")])
