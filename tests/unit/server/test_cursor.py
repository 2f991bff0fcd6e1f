"""Cursors lead back to their position in their own workspace, and reveal nothing else."""

import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from render_service.db.jobs.workspace_events import EventPosition
from render_service.domain.errors import InvalidFields
from render_service.server.mapping.cursor import CursorCodec

CODEC = CursorCodec(secrets.token_bytes(32))
POSITIONS = st.builds(EventPosition, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))


def refuses(cursor: str, workspace_id: str = "team", codec: CursorCodec = CODEC) -> bool:
    try:
        codec.decode(cursor, workspace_id)
    except InvalidFields as error:
        return [fault.field for fault in error.faults] == ["cursor"]
    return False


def decoded(cursor: str) -> bytes:
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


@given(POSITIONS)
def test_a_cursor_leads_back_to_its_position_in_its_workspace_only(position: EventPosition) -> None:
    cursor = CODEC.encode(position, "team")
    assert CODEC.decode(cursor, "team") == position
    assert CODEC.encode(position, "team") == cursor
    assert refuses(cursor, "other")
    assert refuses(cursor, codec=CursorCodec(secrets.token_bytes(32)))


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_cursor_reveals_no_transaction_id(xid: int, event_id: int) -> None:
    first, second = (decoded(CODEC.encode(EventPosition(xid + step, event_id), "team")) for step in (0, 1))
    differing = sum((a ^ b).bit_count() for a, b in zip(first, second, strict=True))
    assert differing > 60, "consecutive transactions give unrelated cursors: half of 256 bits differ on average"


def test_a_cursor_changed_in_any_place_is_refused() -> None:
    cursor = CODEC.encode(EventPosition(12345, 67), "team")
    for place in range(len(cursor)):
        for letter in "Aa0-_ =\n":
            changed = cursor[:place] + letter + cursor[place + 1 :]
            assert changed == cursor or refuses(changed)
    for changed in (cursor + "=", cursor + "A", cursor[:-1], " " + cursor, cursor + "\n", "é" + cursor):
        assert refuses(changed)


@given(st.text() | st.text("ABCdef019-_=", min_size=30, max_size=60) | st.binary().map(lambda b: b.decode("latin1")))
def test_garbage_is_refused(cursor: str) -> None:
    assert refuses(cursor)


def plain(xid: int, event_id: int, workspace_id: str) -> str:
    """A cursor of the first version, which was not encrypted."""
    body = struct.pack(">BQQ", 1, xid, event_id)
    checksum = sha256(body + workspace_id.encode()).digest()[:8]
    return urlsafe_b64encode(body + checksum).decode().rstrip("=")


def test_cursors_of_the_first_version_still_resume_their_workspace() -> None:
    assert CODEC.decode(plain(12345, 67, "team"), "team") == EventPosition(12345, 67)
    assert refuses(plain(12345, 67, "team"), "other")
    assert refuses(plain(2**63, 1, "team"))
    assert refuses(plain(1, 1, "team") + "AA")


@pytest.mark.parametrize("cursor", ["", "A", "=", "===="])
def test_short_texts_are_refused(cursor: str) -> None:
    assert refuses(cursor)
