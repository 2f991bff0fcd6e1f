"""Fields are counted without parsing, so that no request costs far more memory than its bytes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from render_client.v1 import project_pb2, render_service_pb2

from render_service.server.interceptors.requests import MAX_FIELDS, MAX_REQUEST_BYTES
from render_service.server.interceptors.wire_format import has_more_fields
from tests.unit.server.strategies import messages
from tests.wire import nested

START = render_service_pb2.StartRenderRequest.DESCRIPTOR


def fields_of(message: Message) -> Iterator[object]:
    """Every field of a message and those in it, as they are serialised."""
    for field, value in message.ListFields():
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if is_map:
            for entry in value.items():
                yield value
                yield from entry
        elif field.is_repeated and field.message_type is None and field.is_packed:
            yield value
        else:
            for one in value if field.is_repeated else [value]:
                yield one
                if field.message_type is not None:
                    yield from fields_of(one)


@given(messages(project_pb2.Project.DESCRIPTOR))
def test_every_field_of_a_message_is_counted(message: Any) -> None:
    data, count = message.SerializeToString(), sum(1 for _ in fields_of(message))
    assert not has_more_fields(data, message.DESCRIPTOR, max(count, 1))
    if count > 1:
        assert has_more_fields(data, message.DESCRIPTOR, count - 1)


@given(st.binary(max_size=200))
def test_malformed_bytes_are_left_to_the_parser(data: bytes) -> None:
    has_more_fields(data, START, 1_000)


@pytest.mark.parametrize(
    "small",
    [b"\x0a\x00", b"\x0a\x80\x00", b"\x0a\x02\x6a\x00", b"\x08\x01", b"\x0d0000", b"\xfa\x07\x00"],
    ids=["empty shots", "long lengths", "words", "unknown numbers", "unknown fixed", "unknown texts"],
)
def test_many_tiny_fields_are_too_many(small: bytes) -> None:
    data = nested(3, nested(7, small * MAX_FIELDS))
    assert has_more_fields(data, START, MAX_FIELDS)
    assert not has_more_fields(nested(3, nested(7, small * 1_000)), START, MAX_FIELDS)


# Prints how much the peak of this process grows, in bytes, and whether the request is refused.
_CHILD = """
import asyncio, json, sys
from pathlib import Path
from render_client.v1.render_service_pb2 import StartRenderRequest
from render_service.domain.errors import InvalidFields
from render_service.server.interceptors.requests import MAX_REQUEST_BYTES, decode
from tests.wire import nested

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

small = bytes.fromhex(sys.argv[1])
data = nested(3, nested(7, small * (int(sys.argv[2]) // len(small))))
before, refused = peak(), False
try:
    asyncio.run(decode(data, StartRenderRequest.FromString))
except InvalidFields:
    refused = True
print(json.dumps([peak() - before, refused]))
"""


@pytest.mark.parametrize(
    ("small", "size", "is_refused"),
    [("0a00", MAX_REQUEST_BYTES - 64, True), ("0a046a021200", MAX_REQUEST_BYTES - 64, True), ("0a00", 65_000, False)],
    ids=["shots", "words", "small"],
)
def test_one_message_takes_at_most_twenty_times_its_limit(small: str, size: int, is_refused: bool) -> None:
    command = [sys.executable, "-c", _CHILD, small, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    grown, refused = json.loads(done.stdout)
    assert refused is is_refused
    # A refused one is not parsed at all; a small one may take 90 times its own size.
    assert grown < (2 * MAX_REQUEST_BYTES if refused else MAX_REQUEST_BYTES)


def test_the_largest_accepted_number_of_fields_takes_at_most_twenty_times_the_limit() -> None:
    command = [sys.executable, "-c", _CHILD, "0a00", str(2 * (MAX_FIELDS - 10))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    grown, refused = json.loads(done.stdout)
    assert not refused
    assert grown < 20 * MAX_REQUEST_BYTES
